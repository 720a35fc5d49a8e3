"""What is asserted of assets, beyond the tests of dbt: controls and checkpoints, each with who clears its breaks."""
