"""What people keep of their days: places, what is in the calendar, and the ways between."""
