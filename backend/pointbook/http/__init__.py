"""The HTTP face: what is listened to, from whom, how much and how long."""
