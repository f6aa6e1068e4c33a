"""The base of every service process: app factory, settings, database, auth, problems, telemetry."""

from chassis.app import create_app
from chassis.auth import CurrentPrincipal, reads, writes
from chassis.bodies import body_limit, streamed_body
from chassis.emails import Email, deliverable_email, resembles_email
from chassis.idempotency import IdempotencyKey
from chassis.limits import DIALING, TRANSFER
from chassis.long_polls import long_poll
from chassis.mistakes import field_errors
from chassis.models import (
    Amount,
    Count,
    Day,
    Distinct,
    InputModel,
    Moment,
    OutputModel,
    Percent,
    ShortText,
    Text,
    WholeParameter,
    Written,
)
from chassis.paging import Order, Page, PageQuery, page
from chassis.principals import Principal
from chassis.problems import (
    Conflict,
    ContractNotYetKnown,
    ContractUnknown,
    FieldError,
    Forbidden,
    Invalid,
    NoContact,
    NotFound,
    PersonErased,
    Problem,
    Unavailable,
)
from chassis.process import Program, Role
from chassis.routes import Router
from chassis.server import serve
from chassis.settings import Settings, transport_from
from chassis.spoken import kept_refusal
from chassis.transactions import ReadConnection, Reader, ServiceDatabase, WriteTransaction, act_for_service

__all__ = [
    "DIALING",
    "TRANSFER",
    "Amount",
    "Conflict",
    "ContractNotYetKnown",
    "ContractUnknown",
    "Count",
    "CurrentPrincipal",
    "Day",
    "Distinct",
    "Email",
    "FieldError",
    "Forbidden",
    "IdempotencyKey",
    "InputModel",
    "Invalid",
    "Moment",
    "NoContact",
    "NotFound",
    "Order",
    "OutputModel",
    "Page",
    "PageQuery",
    "Percent",
    "PersonErased",
    "Principal",
    "Problem",
    "Program",
    "ReadConnection",
    "Reader",
    "Role",
    "Router",
    "ServiceDatabase",
    "Settings",
    "ShortText",
    "Text",
    "Unavailable",
    "WholeParameter",
    "WriteTransaction",
    "Written",
    "act_for_service",
    "body_limit",
    "create_app",
    "deliverable_email",
    "field_errors",
    "kept_refusal",
    "long_poll",
    "page",
    "reads",
    "resembles_email",
    "serve",
    "streamed_body",
    "transport_from",
    "writes",
]
