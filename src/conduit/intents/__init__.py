"""What a device may ask for, and asking it: the table of intents, and the services over HTTP."""
