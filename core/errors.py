"""The errors that people see: each message is one sentence that says what, why, and what to do next."""


class VAEScopeError(Exception):
    """Base of every error that VAEScope raises on purpose; `str(error)` is fit to be shown."""


class ConfigError(VAEScopeError):
    """A setting is unknown, out of range, or does not fit the others."""


class DataError(VAEScopeError):
    """A data set is unknown, damaged, or not what it says it is."""


class DataMissing(DataError):
    """A data set's files are not on this machine yet."""


class CheckpointError(VAEScopeError):
    """A run folder, or another file of the store, cannot be read or written."""


class LockedRun(CheckpointError):
    """A run is in use by a process that is still training it."""


class LabelsNeeded(VAEScopeError):
    """A conditional model was called without the labels that it needs."""


class NotApplicable(VAEScopeError):
    """Something was asked of a model that has no meaning for its family."""


class OutOfMemory(VAEScopeError):
    """The memory of the processor or of a GPU was not enough."""


class Diverged(VAEScopeError):
    """Training met a loss that is not finite; the last good weights are kept."""
