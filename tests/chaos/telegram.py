"""What chaos does at Telegram's side: answers that are errors or damaged, a second poller, another way of intake."""

from __future__ import annotations

import asyncio
import time

import aiohttp

from tests.chaos.ground import MODES, Ground, Trouble
from tests.chaos.schedule import POLLING, WEBHOOK, Fault
from tests.chaos.services import restart_in_turn
from tests.support.pair import TOKEN
from tests.support.processes import run_command
from tests.support.telegram import DROPPED, script

MAKERS = {
    "too_many_requests": lambda: script.too_many_requests(1),
    "bad_gateway": script.bad_gateway,
    "not_ok": script.not_ok,
    "malformed": script.malformed,
    "truncated": script.truncated,
    "no_answer": lambda: script.truncated(after=0.0),
    "wrong_length": lambda: script.wrong_length(by=9),
}
REVOKED_CALLS = 1_000
COMMAND_TRIES = 30
COMMAND_S = 20.0
AGAIN_S = 1.0


async def answer(ground: Ground, fault: Fault) -> bool:
    """The next calls of the Bot API, whichever they are, get this."""
    name, count = fault.detail.split()
    return await _answer_with(ground, fault, [MAKERS[name]() for _ in range(int(count))])


async def revoke_token(ground: Ground, fault: Fault) -> bool:
    return await _answer_with(ground, fault, [script.unauthorized()] * REVOKED_CALLS)


async def _answer_with(ground: Ground, fault: Fault, answers: list[script.Scripted]) -> bool:
    scripted = ground.telegram.script
    scripted.extend(answers)
    await asyncio.sleep(fault.duration_s)
    left = len(scripted)
    scripted.clear()
    return left < len(answers)


async def second_poller(ground: Ground, fault: Fault) -> bool:
    """A stranger asks for the bot's updates, and confirms none."""
    url = f"{ground.telegram.api_url}/bot{TOKEN}/getUpdates"
    ends_at = time.monotonic() + fault.duration_s
    async with aiohttp.ClientSession() as http:
        while time.monotonic() < ends_at:
            async with http.post(url, json={"timeout": 1, "limit": 1}) as reply:
                await reply.read()
            await asyncio.sleep(0.3)
    return True


async def switch(ground: Ground, fault: Fault) -> bool:
    """As an operator does it: Telegram is told, and the gateways are restarted, in either order."""
    ground.mode = POLLING if ground.mode == WEBHOOK else WEBHOOK
    for gateway in ground.pair.gateways:
        gateway.environment.update(MODES[ground.mode])
    is_told = fault.detail == "Telegram first"
    if is_told:
        await tell(ground)
    await restart_in_turn(ground, Fault(fault.at_s, fault.kind, "gateways", fault.duration_s))
    if not is_told:
        await tell(ground)
    return True


async def tell(ground: Ground) -> None:
    """Set or delete the webhook, whatever Telegram answers at first; raises Trouble when it never does."""
    wanted = ["set", "--url", ground.hook_url] if ground.mode == WEBHOOK else ["delete"]
    plan = ground.pair.plan
    environment = {**ground.pair.gateways[0].environment, **MODES[WEBHOOK]}
    environment = {name: each for name, each in environment.items() if name.startswith("GATEWAY_")}
    said = ""
    for _ in range(COMMAND_TRIES):
        try:
            binary = plan.binaries / "telefact-gateway"
            await run_command(binary, ["webhook", *wanted], environment, COMMAND_S)
            return
        except (RuntimeError, TimeoutError) as error:
            said = str(error)
            await asyncio.sleep(AGAIN_S)
    raise Trouble(f"webhook {wanted[0]}: {said}")


def misuse(ground: Ground) -> list[str]:
    """What no gateway may have done at Telegram."""
    telegram = ground.telegram
    found = []
    if telegram.ledger.counts[DROPPED]:
        found.append(f"{telegram.ledger.counts[DROPPED]} updates were confirmed that nobody had been given")
    if any("drop_pending_updates" in call.parameters for call in telegram.calls):
        found.append("updates that wait were dropped")
    offsets = [int(call.parameters.get("offset", 0)) for call in telegram.calls_of("getUpdates")]
    if min(offsets, default=0) < 0:
        found.append("a negative offset, which makes Telegram forget")
    return found


ACTS = {
    "answer": answer,
    "revoke token": revoke_token,
    "second poller": second_poller,
    "switch": switch,
}
