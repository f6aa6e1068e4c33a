"""The console: a collections team's day in the browser.

It calls the services by REST with the user's own rights, and listens to the event log only to know what has changed.
"""
