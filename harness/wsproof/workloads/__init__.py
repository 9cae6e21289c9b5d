"""Workloads: how wsproof speaks to a channel of a server, one file each.

`load_channels` turns the options `--channels` and `--set` into workloads.
"""

from wsproof.model.outside_call import Command, FunctionCall
from wsproof.wire import HttpRequest
from wsproof.workloads.base import MessageKind, Parsed, Workload
from wsproof.workloads.conversation import Conversation, Reaction
from wsproof.workloads.opening import Opening, expired, opening_of, prepared
from wsproof.workloads.publication import Publication, text_of
from wsproof.workloads.registry import CHANNELS, WORKLOADS, load_channels
from wsproof.workloads.settings import environment_of, parse_settings, wire_path_of
from wsproof.workloads.steps import Every, JoinRefused, Message, Send, Wait, json_with
from wsproof.workloads.unknown_names import WorkloadWarning, warn_of_unknown_names

Word, Reading = MessageKind, Parsed
"""Aliases for channel files that use the older names."""

__all__ = [
    "CHANNELS",
    "WORKLOADS",
    "Command",
    "Conversation",
    "Every",
    "FunctionCall",
    "HttpRequest",
    "JoinRefused",
    "Message",
    "MessageKind",
    "Opening",
    "Parsed",
    "Publication",
    "Reaction",
    "Reading",
    "Send",
    "Wait",
    "Word",
    "Workload",
    "WorkloadWarning",
    "environment_of",
    "expired",
    "json_with",
    "load_channels",
    "opening_of",
    "parse_settings",
    "prepared",
    "text_of",
    "warn_of_unknown_names",
    "wire_path_of",
]
