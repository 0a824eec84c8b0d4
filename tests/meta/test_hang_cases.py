"""The forty cases that people meet who ask a running program (and some standing ones): each has a test, named here."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
CLASSICS, CASES = "integration/test_hang_classics.py", "integration/test_hang_cases.py"
AROUND, COMMANDS = "integration/test_hang_surroundings.py", "integration/test_hang_commands.py"
OUTSIDE, SERVER = "integration/test_hang_unprepared.py", "unit/control/test_server.py"
LOCKS, BESIDE = "unit/waits/test_locks.py", "integration/test_hang_beside_others.py"

COVERED = (
    (
        "1 the process does not exist or ends meanwhile",
        COMMANDS,
        "test_a_process_that_is_gone_is_one_line_and_exit_code_3",
    ),
    ("1 it ends between look-up and answer", SERVER, "test_a_process_that_ends_while_it_is_asked_is_gone"),
    ("1 the process does not exist or ends meanwhile", CASES, "test_the_program_ends_while_it_is_asked"),
    ("2 a reused pid", SERVER, "test_a_reused_pid_is_not_taken_for_its_predecessor"),
    ("3 no Python", OUTSIDE, "test_a_program_that_is_no_python_is_said_so"),
    ("3 PyPy", OUTSIDE, "test_another_python_is_named_and_not_tried"),
    ("3 an unknown version", OUTSIDE, "test_an_unknown_version_is_one_line"),
    ("4 no permission", OUTSIDE, "test_missing_rights_are_named"),
    ("4 no permission", SERVER, "test_another_user_is_not_answered"),
    ("5 a folder that the client does not know", SERVER, "test_a_folder_of_somebody_else_is_not_used"),
    ("5 other namespaces", AROUND, "test_a_program_in_a_container_is_asked_from_outside"),
    ("6 a stopped process, a zombie", SERVER, "test_a_stopped_process_is_told_within_the_deadline"),
    ("6 a stopped process, a zombie", AROUND, "test_a_zombie_is_one_line"),
    ("7 two who ask at once", SERVER, "test_costly_questions_are_answered_once_a_second"),
    ("7 two who ask at once", SERVER, "test_further_clients_are_told_that_others_are_served"),
    ("8 Ctrl-C of the asking command", AROUND, "test_a_client_that_goes_in_the_middle_frees_its_place"),
    ("9 hung in Lock.acquire on the main thread", CLASSICS, "test_a_classic_hang_is_explained"),
    ("10 native code keeps the GIL", AROUND, "test_native_code_that_keeps_the_gil_is_read_from_outside"),
    ("11 a blocking call on the loop", COMMANDS, "test_why_names_the_line_that_holds_the_loop"),
    ("12 AB-BA of threads", CLASSICS, "test_a_classic_hang_is_explained"),
    ("13 AB-BA by acquire(), ExitStack, contextmanager", CLASSICS, "test_an_unknown_holder_is_never_guessed"),
    ("13 AB-BA by acquire(), ExitStack, contextmanager", CLASSICS, "test_tracked_locks_explain_what_no_frame_shows"),
    ("14 a starved pool", CLASSICS, "test_a_classic_hang_is_explained"),
    ("15 a busy pool", CLASSICS, "test_an_innocent_program_is_left_alone"),
    ("16 a Condition inside its with", CLASSICS, "test_an_innocent_program_is_left_alone"),
    ("17 a wait with a time-out", CLASSICS, "test_an_innocent_program_is_left_alone"),
    ("18 the holder of an asyncio.Lock has ended", CLASSICS, "test_tracked_locks_explain_what_no_frame_shows"),
    ("19 a future without a setter", CLASSICS, "test_a_classic_hang_is_explained"),
    ("20 a reused thread ident", CLASSICS, "test_an_innocent_program_is_left_alone"),
    ("20 a reused thread ident", LOCKS, "test_a_holder_that_has_ended_is_not_taken_for_its_successor"),
    ("21 ten thousand tasks, two thousand threads", CASES, "test_ten_thousand_tasks_are_collected_in_short_slices"),
    ("21 ten thousand tasks, two thousand threads", AROUND, "test_two_thousand_threads_are_collected_in_short_slices"),
    ("22 deep chains and recursion", CASES, "test_deep_chains_are_walked_without_recursion_and_cut"),
    ("23 names with escapes, a megabyte long", CASES, "test_no_code_of_the_program_runs"),
    ("24 hostile __repr__, __eq__, __hash__", CASES, "test_no_code_of_the_program_runs"),
    ("25 hostile __class__, properties", CASES, "test_no_code_of_the_program_runs"),
    ("26 locals of running frames", AROUND, "test_looking_leaves_no_trace_in_frames_and_hooks"),
    ("27 the source is missing", AROUND, "test_a_program_without_its_source_is_explained"),
    ("28 several loops", AROUND, "test_each_loop_is_told_by_its_thread"),
    ("29 eager tasks, task factories", AROUND, "test_each_loop_is_told_by_its_thread"),
    ("30 uvloop, anyio, trio", CLASSICS, "test_a_classic_hang_is_explained_on_uvloop"),
    ("30 uvloop, anyio, trio", AROUND, "test_trio_is_not_mistaken_for_asyncio"),
    ("31 gevent", AROUND, "test_under_gevent_our_thread_is_a_real_one"),
    ("32 fork", SERVER, "test_a_forked_child_does_not_answer_for_its_parent"),
    ("32 fork", AROUND, "test_a_forked_child_is_explained_as_its_parent_would_be"),
    ("33 a fault of ours", SERVER, "test_a_fault_of_ours_ends_the_socket_with_one_line"),
    ("34 an exception in a tracked lock", LOCKS, "test_errors_are_those_of_the_original"),
    ("34 an exception in a tracked lock", LOCKS, "test_an_exception_of_a_signal_handler_leaves_no_lock_taken"),
    ("35 signals and reentrant locks", CASES, "test_a_signal_while_dumping_reaches_the_program"),
    ("35 signals and reentrant locks", LOCKS, "test_handlers_and_finalizers_may_take_the_lock_again"),
    ("36 the interpreter ends meanwhile", CASES, "test_the_program_ends_while_it_is_asked"),
    ("37 installed twice, undone", LOCKS, "test_installing_is_undone"),
    ("38 hooks of others", AROUND, "test_looking_leaves_no_trace_in_frames_and_hooks"),
    ("38 hooks of others", AROUND, "test_hooks_of_others_are_called_as_before"),
    ("39 a pause of the whole process", "unit/diagnosis/test_outside.py", "test_a_stopped_process_is_not_a_stall"),
    ("38 coverage", BESIDE, "test_coverage_counts_as_without_us"),
    ("39 a clock that jumps", BESIDE, "test_a_clock_that_jumps_changes_no_answer"),
    ("39 a debugger at its prompt", BESIDE, "test_a_debugger_at_its_prompt_is_no_deadlock"),
    ("39 a debugger that stops all threads", BESIDE, "test_a_process_that_a_debugger_holds_is_told_and_left_alone"),
    ("39 a stopped process", SERVER, "test_a_stopped_process_is_told_within_the_deadline"),
    ("40 garbage, slow readers, a thousand connects", SERVER, "test_random_bytes_never_stop_the_server"),
    ("40 garbage, slow readers, a thousand connects", SERVER, "test_a_slow_reader_blocks_nobody"),
    ("40 garbage, slow readers, a thousand connects", SERVER, "test_a_thousand_connects_leave_no_descriptor_behind"),
    ("standing: collected again and again", AROUND, "test_looking_again_and_again_leaks_nothing"),
    ("standing: other interpreters", AROUND, "test_another_interpreter_is_left_alone"),
    ("standing: a server kills its worker", AROUND, "test_the_culprit_is_in_the_log_before_gunicorn_kills_the_worker"),
    ("standing: random programs", CASES, "test_random_programs_of_threads_and_tasks"),
    ("standing: random graphs", "unit/waits/test_oracle.py", "test_stuck_is_what_a_simulation_never_gets_done"),
)


@pytest.mark.parametrize("file", sorted({file for _, file, _ in COVERED}))
def test_each_named_test_exists(file):
    """A case is covered by a test that is there."""
    tree = ast.parse((TESTS / file).read_text())
    there = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert {test for _, where, test in COVERED if where == file} <= there


def test_every_case_has_a_test():
    """The numbers from 1 to 40 are all there."""
    numbers = {case.partition(" ")[0] for case, _, _ in COVERED}
    assert {str(number) for number in range(1, 41)} <= numbers
