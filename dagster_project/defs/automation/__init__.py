"""What runs together and what starts it: jobs, schedules by the calendar, sensors by what happens, models by what they read."""
