from agent_worker.localmodel.dialogue import ForgetReminders, Remind
from agent_worker.localmodel.reminders import MOST, Reminders


def test_what_is_due_first_comes_first_and_once() -> None:
    reminders = Reminders()
    assert reminders.deadline is None
    reminders.take([Remind(60.0, "late"), Remind(10.0, "soon")], now=100.0)
    assert (reminders.deadline, reminders.left(105.0)) == (110.0, (5.0, 55.0))
    assert reminders.due(109.9) is None
    assert [reminders.due(200.0), reminders.due(200.0), reminders.due(200.0)] == ["soon", "late", None]


def test_all_are_forgotten_together_and_there_is_an_end_to_them() -> None:
    reminders = Reminders()
    reminders.take([Remind(float(number), "tick") for number in range(MOST + 5)], now=0.0)
    assert len(reminders.left(0.0)) == MOST
    reminders.take([ForgetReminders(), Remind(1.0, "new")], now=0.0)
    assert reminders.left(0.0) == (1.0,)
