"""Every error a user can meet, in one tree.

    SamedreamError
    ├── StudyFileError        a study file, option or directory that does not fit        (ValueError)
    ├── CorpusError           a text source that is missing, empty or broken             (ValueError)
    ├── ModelError            a model that cannot be had, loaded or read                 (RuntimeError)
    │   ├── ModelNotFoundError    no such model here (missing, gated, no network)        (FileNotFoundError)
    │   ├── UnsafeWeightsError    pickle weights or remote code                          (PermissionError)
    │   ├── CorruptWeightsError   truncated or damaged weights                           (ValueError)
    │   └── LayerError            a layer the model does not have                        (IndexError)
    ├── TrainingError         a dictionary that cannot be trained on what was given      (ValueError)
    ├── ComparisonError       activity that cannot be compared                           (ValueError)
    ├── LanguageError         a language model that was to be asked for words and cannot (ConnectionError)
    ├── MissingExtraError     an optional package that is not installed                  (ImportError)
    └── ArtifactError         something in a study's directory                           (RuntimeError)
        ├── MissingArtifactError  an upstream stage has not run                          (FileNotFoundError)
        ├── StaleArtifactError    a stage was made with other settings or inputs         (ValueError)
        ├── CorruptArtifactError  a checksum does not fit, a file is not whole           (ValueError)
        └── DiskFullError         the disk is full                                       (OSError)

A message says what was found, what was expected, in which file, and the next command. Each class also inherits
the standard-library error a programmer would expect to catch.
"""


class SamedreamError(Exception):
    """Base of all errors raised on purpose; the command line shows their message without a traceback."""


class StudyFileError(SamedreamError, ValueError):
    """A study file, a command-line option or a study directory does not fit."""


class CorpusError(SamedreamError, ValueError):
    """A text source is missing, empty or broken."""


class ModelError(SamedreamError, RuntimeError):
    """A model cannot be had, loaded or read."""


class ModelNotFoundError(ModelError, FileNotFoundError):
    """There is no such model here: missing, gated, or the network is not there."""


class UnsafeWeightsError(ModelError, PermissionError):
    """The weights are a pickle, or the model needs code from its repository."""


class CorruptWeightsError(ModelError, ValueError):
    """A weights file is truncated or damaged."""


class LayerError(ModelError, IndexError):
    """The model does not have the layer that was asked for."""


class TrainingError(SamedreamError, ValueError):
    """A dictionary cannot be trained on the vectors that were given."""


class ComparisonError(SamedreamError, ValueError):
    """Two sets of activity cannot be compared."""


class LanguageError(SamedreamError, ConnectionError):
    """A language model that was to be asked for words cannot be asked."""


class MissingExtraError(SamedreamError, ImportError):
    """An optional package is not installed; the message names the install command."""


class ArtifactError(SamedreamError, RuntimeError):
    """Something is wrong with what a stage left on disk."""


class MissingArtifactError(ArtifactError, FileNotFoundError):
    """An upstream stage has not run, or has not finished."""


class StaleArtifactError(ArtifactError, ValueError):
    """A stage on disk was made with other settings or other inputs than the study now asks for."""


class CorruptArtifactError(ArtifactError, ValueError):
    """A file's checksum does not fit its manifest, or it cannot be read."""


class DiskFullError(ArtifactError, OSError):
    """The disk is full; nothing half-written was left under a final name."""
