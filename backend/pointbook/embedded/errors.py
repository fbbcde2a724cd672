"""Why the embedded servers do not start; the message is one line for the person at the terminal."""


class EmbeddedError(Exception):
    """The servers cannot be started; nothing is left running."""


class AlreadyRunning(EmbeddedError):
    """Another process of Pointbook has started the servers of this data directory."""
