"""What may not be taken out of the kit's own code unseen: each a text, what stands for it, and who must notice."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """A seeded fault: in `file`, `text` (there just once) gives way to `put`; `test` must fail then."""

    name: str
    file: str  # below orchestrator/
    text: str
    put: str
    test: str  # below tests/: a file, or one test of it


JOURNAL, FAULTS = "log/journal.py", "log/test_journal_faults.py"
ORDER = "end_to_end/test_the_order_of_flushes.py"
MOVE = "adapters/test_move.py"

MUTANTS = (
    # --- what is on the disk, and in which order
    Mutant(
        "the log is not flushed",
        JOURNAL,
        "            flush(self._log)\n            if self.head.offset == 0:",
        "            if self.head.offset == 0:",
        f"{FAULTS}::test_an_append_is_one_write_and_one_flush_and_the_first_makes_the_names_durable",
    ),
    Mutant(
        "an append is two writes",
        JOURNAL,
        "            taken = os.write(self._log, content)\n",
        "            taken = os.write(self._log, content[:10])\n            taken += os.write(self._log, content[10:])\n",
        f"{FAULTS}::test_an_append_is_one_write_and_one_flush_and_the_first_makes_the_names_durable",
    ),
    Mutant(
        "the names on the way to a new log are not flushed",
        JOURNAL,
        "                fsync_directory(self._path.parent)\n                fsync_directory(self._path.parent.parent)\n",
        "                pass\n",
        f"{FAULTS}::test_an_append_is_one_write_and_one_flush_and_the_first_makes_the_names_durable",
    ),
    Mutant(
        "a flush that failed is tried again and called good",
        "adapters/durable.py",
        "    os.fsync(descriptor)\n",
        "    with contextlib.suppress(OSError):\n        os.fsync(descriptor)\n",
        f"{FAULTS}::test_a_write_or_flush_that_fails_is_not_recorded_and_the_log_is_as_it_was",
    ),
    Mutant(
        "what was not acknowledged stays in the log",
        JOURNAL,
        "            os.ftruncate(self._log, self.head.offset)\n",
        "            pass\n",
        f"{FAULTS}::test_a_write_that_the_system_cuts_short_is_taken_back",
    ),
    Mutant(
        "a torn end is cut off before it is kept",
        JOURNAL,
        "        write_durably(self._path.with_name(name), piece)\n        torn = ",
        "        with said_in_one_line(self._path):\n            self._cut()\n            flush(self._log)\n"
        "        write_durably(self._path.with_name(name), piece)\n        torn = ",
        f"{FAULTS}::test_a_torn_tail_is_durable_beside_the_log_before_it_is_cut_off",
    ),
    Mutant(
        "a file takes its name before its content is flushed",
        "adapters/durable.py",
        "        if is_flushed:\n            flush(descriptor)\n",
        "",
        "adapters/test_durable.py::test_content_is_flushed_before_the_rename_and_the_name_after_it",
    ),
    Mutant(
        "the log is flushed before what git wrote is",
        "workspace.py",
        "                if facts:  # the log's flush publishes git's names beside it, whose bytes git has not flushed\n"
        "                    sync_filesystem(self.repository.common_dir)\n",
        "",
        f"{ORDER}::test_a_state_shows_what_is_in_the_log_already",
    ),
    Mutant(
        "a rescue is named before what it holds is flushed",
        "adapters/move.py",
        '        sync_filesystem(self._common)\n        self._step("written")\n',
        '        self._step("written")\n',
        f"{ORDER}::test_what_a_rollback_wrote_is_flushed_before_each_of_its_events",
    ),
    Mutant(
        "a state is written before the log",
        "workspace.py",
        "                new = list(map(event, transaction.append([draft(fact) for fact in facts])))\n"
        "                self._catch_up(new, transaction.head)\n",
        "                foreseen = list(map(event, transaction._placed([draft(fact) for fact in facts])))\n"
        "                self._catch_up(foreseen, transaction.head)\n"
        "                self._project(before)\n"
        "                new = list(map(event, transaction.append([draft(fact) for fact in facts])))\n",
        f"{ORDER}::test_a_state_shows_what_is_in_the_log_already",
    ),
    # --- locks, and who comes first
    Mutant(
        "the log's lock file is deleted after use",
        JOURNAL,
        "            self._sign(descriptor)\n            yield\n        finally:\n            _unlock(descriptor)\n",
        "            self._sign(descriptor)\n            yield\n        finally:\n            _unlock(descriptor)\n"
        "            self._lock.unlink()\n",
        "log/test_journal.py::test_the_lock_stays_the_same_file",
    ),
    Mutant(
        "a feature's lock file is deleted after use",
        "adapters/lock.py",
        "        finally:\n            lock.release()\n",
        "        finally:\n            lock.release()\n            self._path.unlink()\n",
        "adapters/test_lock.py::test_released_the_lock_file_stays_the_same_file",
    ),
    Mutant(
        "the log is written without its lock",
        JOURNAL,
        "            self._wait(descriptor, fcntl.LOCK_EX)\n",
        "",
        f"{FAULTS}::test_eight_processes_write_one_whole_chain",
    ),
    Mutant(
        "a branch is moved wherever it is by now",
        "adapters/move.py",
        'f"update {ref} {target.commit} {tip}"',
        'f"update {ref} {target.commit}"',
        f"{MOVE}::test_a_branch_that_moves_between_the_look_and_the_lock_is_left_where_it_is",
    ),
    Mutant(
        "a snapshot takes the place of another one's",
        "adapters/snapshots.py",
        '{commit} {held or \'0\' * len(commit)}"], "orchestrator: context"',
        '{commit}"], "orchestrator: context"',
        "adapters/test_snapshots.py::test_a_ref_that_somebody_moves_meanwhile_stops_the_snapshot",
    ),
    Mutant(
        "after a lost snapshot the next leads to none",
        "adapters/snapshots.py",
        "before = tip if tip and _is_whole(git, tip) else _left(git, earlier())",
        "before = tip if tip and _is_whole(git, tip) else None",
        "adapters/test_snapshots.py::test_behind_a_snapshot_that_git_lost_the_next_leads_to_those_that_are_left",
    ),
    # --- what is told of one that was killed
    Mutant(
        "a torn end is cut off and nothing tells of it but the event to come",
        JOURNAL,
        "        write_durably(_unnamed(self._path), msgspec.json.encode(self.repaired))  # after the cut only this tells of it\n",
        "",
        "end_to_end/test_killed_half_way.py"
        "::test_a_torn_end_that_a_killed_command_set_aside_is_told_and_recorded_by_the_next",
    ),
    Mutant(
        "what is about to be mended is not kept",
        "mending.py",
        "    write_durably(path, msgspec.json.encode([*(found or []), *ours]))\n",
        "",
        "test_verify.py::test_what_a_killed_repair_was_about_to_mend_is_told_by_the_next_command_and_recorded_once",
    ),
    # --- what is checked
    Mutant(
        "the hash of a line is not checked",
        "log/records.py",
        "    if record.hash != _digest(piece):  # a hash that stands elsewhere would lie in what it is made of\n"
        '        raise BadLine("its hash does not hold")\n',
        "",
        "log/test_journal.py::test_any_flipped_byte_before_the_end_stops_writers_and_shows_readers_what_is_before",
    ),
    Mutant(
        "lines are linked by their time, not by number and hash",
        JOURNAL,
        "        if record.prev != self._hash or record.id != self._id + 1:\n",
        "        if record.timestamp < self._timestamp:\n",
        "log/test_journal.py::test_a_line_links_by_its_number_and_by_the_hash_before_it",
    ),
    Mutant(
        "time in the log follows the clock backwards",
        JOURNAL,
        "        return max(now, last).isoformat",
        "        return now.isoformat",
        "log/test_journal.py::test_time_never_runs_backwards_and_keeps_the_zone_of_whoever_writes",
    ),
    Mutant(
        "a kept fold is believed whatever the log says",
        "workspace.py",
        "        if kept is not None and kept.log == look and kept.head.offset == kept.log[1]:\n",
        "        if kept is not None:\n",
        "end_to_end/test_found_by_use.py::test_a_log_that_was_changed_in_the_middle_stops_every_writer_and_readers_say_so",
    ),
    Mutant(
        "a log that changed under a command is written on",
        "workspace.py",
        "            if self._loaded and look != self._look and not self._is_vouched_for(look):\n"
        "                world, since = World(), START\n",
        "",
        "end_to_end/test_hostile_agents.py::"
        "test_a_log_that_an_agent_edits_in_the_middle_stops_every_writer_and_names_verify",
    ),
    Mutant(
        "a rescue is not read back",
        "adapters/move.py",
        '        self._git.run("rev-list", "--objects", "--quiet", commit, f"^{old}")  # reads it back: all is there\n',
        "",
        f"{MOVE}::test_a_rescue_that_does_not_read_back_stops_the_move_before_anything_changes",
    ),
    Mutant(
        "a member of an archive that is no plain file is taken",
        "adapters/backups.py",
        '    if one.type not in _PLAIN:\n        return "is no plain file"\n',
        "",
        "adapters/test_backups.py::test_a_hostile_archive_is_refused_before_anything_is_written",
    ),
    Mutant(
        "an archive is opened whatever its digest",
        "adapters/backups.py",
        "    check(path, sha256)\n    with tempfile.TemporaryFile() as plain:\n",
        "    with tempfile.TemporaryFile() as plain:\n",
        "adapters/test_backups.py::test_a_backup_that_is_not_what_was_written_is_not_even_opened",
    ),
    # --- git's children
    Mutant(
        "git inherits the caller's git environment",
        "adapters/git.py",
        "            **scrubbed(os.environ),\n",
        "            **os.environ,\n",
        "end_to_end/test_hostile_agents.py::test_a_git_environment_that_leads_elsewhere_writes_nothing_there",
    ),
    Mutant(
        "the kit's own git runs the repository's hooks",
        "adapters/git.py",
        '    "-c", "core.hooksPath=/dev/null",\n',
        "",
        "end_to_end/test_hostile_agents.py::test_the_kits_own_git_runs_no_hook_and_no_monitor_of_the_repository",
    ),
    # --- agents
    Mutant(
        "a time limit ends the child and not its tree",
        "adapters/agent.py",
        "        ended = _end(lambda: _belonging(run_id, child.pid, child.warden), [*first, *_steps(grace)], stream.wait)\n",
        "        ended = _end(lambda: [one for one in _belonging(run_id, child.pid) if one.pid == child.pid], "
        "[*first, *_steps(grace)], stream.wait)\n",
        "adapters/test_agent.py::test_a_daemon_in_another_session_is_ended_with_its_agent",
    ),
    Mutant(
        "what loses its parent is not the warden's",
        "adapters/warden.py",
        "        _prctl(_PR_SET_CHILD_SUBREAPER, 1)\n",
        "",
        "adapters/test_agent.py::test_a_daemon_that_left_session_descent_and_marker_is_ended_with_its_agent",
    ),
    Mutant(
        "a sandbox lets files be cut short",
        "adapters/warden.py",
        "_WRITES = {1: 0x1FF2, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}\n",
        "_WRITES = {1: 0x1FF2, 2: 1 << 13, 5: 1 << 15}\n",
        "end_to_end/test_sandbox.py::test_an_agent_writes_to_its_own_worktree_alone_and_its_commit_is_recorded",
    ),
    Mutant(
        "what leads git to the repository is not looked at after an agent",
        "confining.py",
        "        if _content(path) == content and is_there == (content is not None):\n",
        "        if True:\n",
        "end_to_end/test_sandbox.py::test_what_would_have_git_run_the_agents_program_outside_is_put_back_and_parked",
    ),
    Mutant(
        "who ignores the asking is left",
        "adapters/agent.py",
        "    return [(signal.SIGTERM, grace), *[(signal.SIGKILL, _MOMENT)] * _KILLS]\n",
        "    return [(signal.SIGTERM, grace)]\n",
        "adapters/test_agent.py::test_an_agent_that_ignores_the_asking_is_ended_after_the_grace",
    ),
    Mutant(
        "an output is kept whole, however long",
        "adapters/agent.py",
        "            del self._kept[: -(self._cap // 2)]\n",
        "            pass\n",
        "adapters/test_agent.py::test_a_hundred_megabytes_of_output_cost_less_than_eight_of_memory",
    ),
    Mutant(
        "what an agent printed reaches the terminal as it is",
        "adapters/agent.py",
        '    return _CONTROLS.sub("", _ESCAPES.sub("", text))\n',
        "    return text\n",
        "end_to_end/test_the_sitting.py::test_control_characters_of_the_agent_are_not_shown",
    ),
    Mutant(
        "an agent imports a feature by writing a state",
        "reconcile.py",
        '    if not os.environ.get("ORCHESTRATOR_RUN_ID"):  # an agent starts no features by writing a file\n'
        "        take_in_states(workspace, who)\n",
        "    take_in_states(workspace, who)\n",
        "end_to_end/test_hostile_agents.py::test_inside_a_run_no_state_that_the_agent_wrote_is_imported",
    ),
    # --- rules
    Mutant(
        "the exit status of a validation is not looked at",
        "judging.py",
        "        if code == 0:\n            return None\n",
        "        return None\n",
        "end_to_end/test_journey.py::test_three_failed_validations_roll_the_feature_back_and_the_others_go_on",
    ),
    Mutant(
        "a commit since the gate was shown is approved with it",
        "core/decide.py",
        "        commit=feature.tip,\n        head=feature.last_hash,\n",
        "",
        "core/test_decide.py::test_whatever_was_recorded_of_a_feature_since_it_was_shown_refuses_its_approval",
    ),
    Mutant(
        "a gate that closed and opened again is approved unseen",
        "core/decide.py",
        "        reached=waiting.event if waiting else 0,\n        commit=feature.tip,\n        head=feature.last_hash,\n",
        "        commit=feature.tip,\n",
        "core/test_decide.py::test_a_gate_that_closed_and_opened_again_is_not_approved_unseen",
    ),
    Mutant(
        "files that changed since they were shown are approved",
        "approval.py",
        "    if changed := statement.difference(item.bound, present):\n",
        '    if changed := "":\n',
        "end_to_end/test_the_evidence.py::test_what_changed_since_it_was_shown_is_refused_alone_and_the_field_is_named",
    ),
    Mutant(
        "a signature that does not hold counts",
        "adapters/signing.py",
        "        if done.returncode != 0:\n            raise BadStatement(",
        "        if False:\n            raise BadStatement(",
        "end_to_end/test_signed_gates.py::test_verify_refuses_what_is_forged_into_the_log",
    ),
    Mutant(
        "a gate that was passed without a signature is not looked for",
        "verifying/approvals.py",
        "            yield from self._passed_over(before, after, event)\n",
        "            pass\n",
        "end_to_end/test_signed_gates.py::test_verify_refuses_what_is_forged_into_the_log",
    ),
    Mutant(
        "the last approval need not be for the pushed commit",
        "guarding.py",
        "            if commit not in gates.get(required[-1], ()):\n",
        "            if required[-1] not in gates:\n",
        "end_to_end/test_guard.py::test_a_commit_after_the_approval_is_refused",
    ),
    Mutant(
        "a merge may hold more than its two sides",
        "guarding.py",
        '            return "" if same else ',
        '            return "" if True else ',
        "end_to_end/test_guard.py::test_a_merge_that_holds_more_than_its_two_sides_is_refused",
    ),
    Mutant(
        "the first parent of a push may pass by what the branch holds",
        "guarding.py",
        "            if not self._git.leads_to(onto, here):\n",
        '            if self._git.leads_to(here, onto):\n                return ""\n            if False:\n',
        "end_to_end/test_guard.py::test_what_a_merge_of_main_undid_of_it_is_shown_and_else_refused",
    ),
    Mutant(
        "what is in the history of the branch counts as if it were in its files",
        "guarding.py",
        "            if self._is_same(base, floor) and (floor == onto or not further):\n",
        "            if self._is_same(base, floor):\n",
        "end_to_end/test_guard.py::test_what_one_feature_swallowed_of_another_does_not_land_unseen",
    ),
    Mutant(
        "an agent's marker does not close the door",
        "session.py",
        '    refuse_an_agent("a gate is decided by a person")\n',
        "",
        "end_to_end/test_the_sitting.py::test_an_agents_marker_closes_the_door_even_on_a_terminal",
    ),
    Mutant(
        "an edit passes a gate",
        "core/edits.py",
        "    if feature.gate is not None:\n        return _at_a_gate(feature, changed, refused, actor, file)\n",
        "",
        "core/test_edits.py::test_a_gate_is_not_passed_by_an_edit",
    ),
    Mutant(
        "a command does not drain first",
        "reconcile.py",
        "    checkpoints.drain(workspace, actor)\n",
        "",
        "end_to_end/test_commits_and_checkpoints.py::"
        "test_without_hooks_the_next_command_records_each_commit_once_and_marks_the_older_late",
    ),
)
