"""What runs by itself: schedules by the calendar, sensors by what happens, models by what they read. Each is off until somebody turns it on."""
