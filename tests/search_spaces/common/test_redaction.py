"""No secret of a URL is shown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from search_spaces.common.redaction import redacted, without_user


@given(
    user=st.text("ab.%-", min_size=1, max_size=9),
    password=st.text("SECRTx@:/#?%!$", min_size=1, max_size=9).map(lambda text: f"Q{text}Q"),
    scheme=st.sampled_from(("http", "https", "postgresql", "mysql+pymysql")),
)
def test_no_password_is_shown(user, password, scheme):
    url = f"{scheme}://{user}:{password}@host.example/a?b=1"
    text = redacted(f"API request to {url} failed; see '{url}'")
    assert password not in text
    assert "host.example/a?b=1" in text
    assert redacted(f"{scheme}://host.example/a") == f"{scheme}://host.example/a"
    assert without_user(url) == f"{scheme}://host.example/a?b=1"


@given(
    value=st.text("ab.%-@:/", min_size=1, max_size=9), name=st.sampled_from(("password", "PWD", "passwd", "token", "secret"))
)
def test_no_value_of_a_secret_parameter_is_shown(value, name):
    value = f"Q{value.replace('@', '')}Q"
    assert redacted(f"http://host/db?user=me&{name}={value}&x=1") == f"http://host/db?user=me&{name}=***&x=1"
