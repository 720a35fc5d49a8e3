"""Runs of this process: started by a command, told in the instance that the interface shows, watched while they last, and waited for in turn."""
