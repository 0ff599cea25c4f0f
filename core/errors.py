"""Errors a caller may act on; one class per reaction, the docstring is the message."""


class VigieError(Exception):
    """Something went wrong that a caller may act on."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip())


class MigrationFailed(VigieError):
    """A migration failed: the schema is as the one before it left it."""


class SettingInvalid(VigieError):
    """A setting is missing or out of its bounds: the process stops with the line that names it."""


class StoreAbsent(VigieError):
    """The database cannot be reached: try again with back-off and acknowledge nothing meanwhile."""


class StoreBusy(StoreAbsent):
    """All connections to the database are at work, and others wait already: try again soon."""


class StoreRefused(VigieError):
    """The database refused what was written, for a reason that trying again would not change."""


class StoreForbade(VigieError):
    """The database forbids this to whoever asks: their roles do not give the right to it."""


class ReadRefused(VigieError):
    """What was asked for takes too long to read, or cannot be computed: ask for less, or for something else."""


class NaiveDatetime(VigieError, ValueError):
    """A datetime without a time zone was given; every instant in Vigie is aware and in UTC."""


class FutureLeak(VigieError):
    """A feature asked for a reading that was not yet known at its origin."""


class UnknownMetric(VigieError, KeyError):
    """No metric has this name."""

    def __str__(self) -> str:
        """Without the quotes that KeyError puts around its message."""
        return str(self.args[0])


class BrokerAbsent(VigieError):
    """The broker cannot be reached."""


class BrokerRefused(VigieError):
    """The broker refused what was asked of its access control."""


class PersonKnown(VigieError):
    """Somebody signs in by this name already."""


class UnknownSensor(VigieError):
    """There is no such sensor."""


class SensorConflict(VigieError):
    """The sensor, as it is, does not allow this change: nothing was changed."""


class AlreadyAdopted(SensorConflict):
    """A sensor of this external id is adopted already."""


class UnknownModel(VigieError):
    """No device model of this name decodes a sensor of this kind."""


class ShortHistory(VigieError):
    """There is too little history to fit this model; forecasts fall back to naive until there is more."""


class PortBusy(VigieError):
    """A port that was asked for is taken by another program."""


class BackupRefused(VigieError):
    """A backup cannot be made, or cannot be restored: the message says why, and nothing was changed."""


class BackupDamaged(VigieError):
    """A backup is not what it was when it was made."""
