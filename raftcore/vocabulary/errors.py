"""What went wrong, in a sentence that says what would have been right."""


class RaftLabError(Exception):
    """The base of every error that this project raises on bad input."""


class ServerNotFound(RaftLabError, LookupError):
    """A server was named that this cluster does not have."""


class ClientNotFound(RaftLabError, LookupError):
    """A client was named in a form that no client has."""


class ConfigError(RaftLabError, ValueError):
    """A configuration, a link or a scenario holds a value that can't be."""


class CommandError(RaftLabError, ValueError):
    """A command does not parse, or is larger than the store accepts."""


class ControlError(RaftLabError, RuntimeError):
    """A control does not fit the state that the server or the run is in."""


class NotSendableError(RaftLabError, TypeError):
    """What lives in this process alone can't be pickled, copied or sent to another."""


class ConditionNotReached(RaftLabError, TimeoutError):
    """The clock reached its limit before the condition came true."""


class CorruptLogError(RaftLabError, RuntimeError):
    """A write-ahead log is damaged in the middle: what it holds can't be trusted."""


class DiskFullError(RaftLabError, OSError):
    """What should be written does not fit on the disk; none of it was."""


class DiskReadError(RaftLabError, OSError):
    """The disk can't read a file. What it contains may be intact."""


class CorruptSnapshotError(RaftLabError, RuntimeError):
    """What should be a snapshot of the state machine is none."""


class FileError(RaftLabError, ValueError):
    """A file is cut off, damaged, foreign, or newer than this lab; nothing of it was taken in."""


class UnknownRulesError(RaftLabError, LookupError):
    """A run used rules that can't be found again by a name, so it can't be repeated without them."""


class IncompleteStepError(RaftLabError, RuntimeError):
    """A run was broken off half-way through a step: by an interrupt, or by what a rule raised. It can be looked at and forked."""


class RuleError(RaftLabError, TypeError):
    """A custom rule did what its place in the table does not allow: returned or wrote the wrong kind of thing, raised, or never returned.

    finding: the name under which a hunt tells of it, where it may happen in some runs only, such as "ZeroDivisionError in mine"; "" for a
    mistake that must be mended before anything can be judged.
    """

    finding = ""
