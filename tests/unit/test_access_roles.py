from __future__ import annotations

import pytest

from scheduler.domain.access import Role, role_of

ADMIN, OPERATOR, VIEWER = Role.ADMIN, Role.OPERATOR, Role.VIEWER
CASES: list[tuple[dict[str, Role], dict[str, Role], set[str], bool, Role]] = [
    ({}, {}, {"staff"}, True, ADMIN),
    ({}, {}, {"staff"}, False, VIEWER),
    ({"bob": ADMIN}, {}, {"staff"}, True, VIEWER),
    ({"ann": OPERATOR}, {}, set(), False, OPERATOR),
    ({"ann": VIEWER}, {"wheel": ADMIN}, {"wheel"}, True, VIEWER),
    ({}, {"staff": OPERATOR, "wheel": ADMIN}, {"staff", "wheel"}, False, ADMIN),
    ({}, {"staff": OPERATOR, "wheel": ADMIN}, {"staff"}, False, OPERATOR),
    ({}, {"wheel": ADMIN}, {"staff"}, True, VIEWER),
]


@pytest.mark.parametrize(
    ("users", "groups", "member_of", "owns_home", "role"),
    CASES,
)
def test_role_of_a_unix_user(
    users: dict[str, Role], groups: dict[str, Role], member_of: set[str], owns_home: bool, role: Role
) -> None:
    assert role_of("ann", member_of, users=users, groups=groups, owns_home=owns_home) is role


@pytest.mark.parametrize("role", list(Role))
def test_each_role_covers_itself_and_those_before_it(role: Role) -> None:
    assert [one for one in Role if role.covers(one)] == list(Role)[: role.rank + 1]
