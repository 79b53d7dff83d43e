"""A routing rule that tells webhooks does so once, by its name, when a ticket is opened."""

import json

from tests.channels.conftest import Channels, Receiver

from minidesk.tickets import Condition, Effect, Rule, put_rule


async def test_a_rule_that_held_is_told_by_its_name(channels: Channels, receiver: Receiver) -> None:
    desk = channels.desk
    await channels.add(receiver, "rule.matched")
    async with desk.db.write() as tx:
        for key, topic, tell in (("a", "parcel", True), ("b", "parcel", False), ("c", "voucher", True)):
            effect = Effect(tags=(key,), tell=tell)
            rule = Rule(key, f"Rule {key}", "all", (Condition("topic", (topic,)),), effect)
            await put_rule(tx, channels.site_id, rule, desk.clock())
    await desk.say("Where is my parcel?")
    await desk.handoff.hand_off(desk.conversation.id, "customer_request")
    assert await channels.work() == 1
    [got] = receiver.got
    told = json.loads(got.body)
    assert (told["type"], told["data"]["rule"]) == ("rule.matched", "Rule a")
    assert (told["data"]["ticket"]["number"], told["data"]["ticket"]["status"]) == (1, "open")
