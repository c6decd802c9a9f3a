"""A whole answer read as a stream of events: for a caller who asked for a stream and a provider that gave none."""

from __future__ import annotations

from llm_gateway.core import chat, events


def unfold(reply: chat.ChatReply) -> list[events.Event]:
    """The events whose fold is `reply`, in order of choice and part, Done last."""
    out: list[events.Event] = [
        events.Start(reply.id, reply.model, reply.created, reply.service_tier, reply.fingerprint),
    ]
    for choice in reply.choices:
        calls = 0
        logprobs = choice.logprobs  # of all its text: they go with the first piece
        for part in choice.parts:
            if logprobs is not None and isinstance(part, chat.Text):
                out.append(events.TextDelta("", choice.index, logprobs))
                logprobs = None
            if isinstance(part, chat.ToolCall):
                out.append(events.ToolCallStart(calls, part.id, part.name, choice.index, part.custom))
                out.append(events.ToolCallDelta(calls, part.arguments, choice.index))
                calls += 1
            else:
                out += _part(part, choice.index)
        if logprobs is not None:
            out.append(events.TextDelta("", choice.index, logprobs))
        out.append(events.Finish(choice.finish or "stop", choice.index, choice.stop_sequence))
    if reply.usage is not None:
        out.append(events.UsageUpdate(reply.usage))
    out.append(events.Done())
    return out


def _part(part: chat.Part, index: int) -> list[events.Event]:
    match part:
        case chat.Text():
            cited: list[events.Event] = [events.CitationDelta(citation, index) for citation in part.citations]
            return [events.TextDelta(part.text, index), *cited]
        case chat.Reasoning(redacted=str(data)):
            return [events.RedactedReasoning(data, index)]
        case chat.Reasoning():
            signed: list[events.Event] = [events.ReasoningSignature(part.signature, index)] if part.signature else []
            return [events.ReasoningDelta(part.text, index), *signed]
        case chat.Refusal():
            return [events.RefusalDelta(part.text, index)]
        case chat.Audio():
            return [events.AudioDelta(part.data, part.transcript or "", part.id, part.expires_at, index)]
        case chat.Opaque():
            return [events.OpaqueBlock(part.dialect, part.kind, part.raw, index)]
        case _:
            return []
