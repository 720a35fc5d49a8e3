"""The ways that alerts go out. A channel sends one digest at a time, once, under a deadline, and says what came back."""

from reverse_etl.alerting.channels.contract import Channel, ChannelError
from reverse_etl.alerting.channels.opening import open_channel

__all__ = ["Channel", "ChannelError", "open_channel"]
