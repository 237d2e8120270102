"""What an agent prints of the environment is not kept."""

from __future__ import annotations

from orchestrator.adapters.secrets import hidden

ENVIRONMENT = {
    "ANTHROPIC_API_KEY": "sk-ant-0123456789",
    "GH_TOKEN": "sk-ant-0123456789-more",
    "db_password": "hunter2hunter2",
    "SHORT_KEY": "abc",
    "KEY_FILE": "/home/user/.ssh/key",
    "EDITOR": "vim-is-my-editor",
}


def test_the_value_of_a_secret_variable_reads_as_its_name() -> None:
    said = "key sk-ant-0123456789, token sk-ant-0123456789-more, with hunter2hunter2"
    assert hidden(said, ENVIRONMENT) == "key [ANTHROPIC_API_KEY], token [GH_TOKEN], with [db_password]"


def test_short_values_paths_and_other_variables_stay() -> None:
    said = "abc /home/user/.ssh/key vim-is-my-editor"
    assert hidden(said, ENVIRONMENT) == said
