"""Settings: which source wins, and that a wrong value is named with its source and without its password."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exposure_bus.errors import SettingsError, UsageError
from exposure_bus.settings import NAMES, PREFIX, Settings, load_settings, redacted

FLAG = "amqp://flag"
ENVIRONMENT = "amqp://environment"
FILE = "amqp://file"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in which nobody has set anything."""
    for name in (*NAMES, "config"):
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "settings.toml"
    file.write_text(f'broker_url = "{FILE}"\n')
    return file


def test_without_any_setting_everything_is_on_this_host(home: Path) -> None:
    assert load_settings() == Settings(
        broker_url="amqp://guest:guest@127.0.0.1:5672/%2F",
        exposure_db_url=f"sqlite:///{home}/.local/share/exposure-bus/exposuredb.sqlite",
        cache_url=f"sqlite:///{home}/.local/share/exposure-bus/cache.sqlite",
        subscriber="qlf",
        location_map={},
    )


def test_databases_stand_in_the_xdg_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert load_settings().cache_url == "sqlite:////data/exposure-bus/cache.sqlite"


def test_a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    default = load_settings().broker_url
    assert load_settings({"broker_url": None}, config).broker_url == FILE != default
    monkeypatch.setenv("EXPOSURE_BUS_BROKER_URL", ENVIRONMENT)
    assert load_settings({"broker_url": None}, config).broker_url == ENVIRONMENT
    assert load_settings({"broker_url": FLAG}, config).broker_url == FLAG


def test_each_setting_is_taken_from_its_own_best_source(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPOSURE_BUS_SUBSCRIBER", "two")
    settings = load_settings({"cache_url": "sqlite:///c"}, config)
    assert (settings.broker_url, settings.subscriber, settings.cache_url) == (FILE, "two", "sqlite:///c")


def test_an_empty_environment_variable_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPOSURE_BUS_SUBSCRIBER", "")
    monkeypatch.setenv("EXPOSURE_BUS_CONFIG", "")
    assert load_settings().subscriber == "qlf"


def test_the_file_is_found_by_flag_by_environment_and_in_the_xdg_folder(
    home: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / ".config").mkdir()
    (home / ".config/exposure-bus.toml").write_text('subscriber = "home"')
    assert load_settings().subscriber == "home"
    (home / "exposure-bus.toml").write_text('subscriber = "xdg"')
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    assert load_settings().subscriber == "xdg"
    (home / "named.toml").write_text('subscriber = "named"')
    monkeypatch.setenv("EXPOSURE_BUS_CONFIG", str(home / "named.toml"))
    assert load_settings().subscriber == "named"
    assert load_settings(config=config).broker_url == FILE


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        load_settings().subscriber = "other"  # type: ignore[misc]


WRONG = {
    "broker_url": ("http://broker", "amqp:// or amqps://"),
    "exposure_db_url": ("mysql://host/desi", "postgresql:// or sqlite:///"),
    "cache_url": ("cache.sqlite", "sqlite:/// or postgresql://"),
    "subscriber": ("two words", "give letters, digits"),
    "location_map": ("/data", "PREFIX=PREFIX"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_flag_is_named_with_its_value_and_what_would_do(name: str) -> None:
    value, hint = WRONG[name]
    with pytest.raises(SettingsError) as raised:
        load_settings({name: value})
    assert f"{name} from flag --{name.replace('_', '-')} is {value!r}: " in str(raised.value)
    assert hint in str(raised.value)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_environment_variable_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    value, hint = WRONG[name]
    monkeypatch.setenv(PREFIX + name.upper(), value)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert f"{name} from environment variable {PREFIX}{name.upper()} is {value!r}: " in str(raised.value)
    assert hint in str(raised.value)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('broker_url = "http://broker"', "'http://broker'"),
        ("broker_url = 5672", "5672"),
        ("broker_url = ''", "''"),
        ("subscriber = true", "True"),
        ("location_map = 3", "3"),
        ("location_map = {a = 1}", "{'a': 1}"),
    ],
)
def test_a_wrong_value_in_the_file_is_named_with_the_file(line: str, shown: str, config: Path) -> None:
    config.write_text(line)
    name = line.partition(" ")[0]
    with pytest.raises(SettingsError) as raised:
        load_settings(config=config)
    assert f"{name} from {config} is {shown}: " in str(raised.value)


def test_a_wrong_value_that_a_better_source_replaces_harms_nobody(config: Path) -> None:
    config.write_text("broker_url = 5672")
    assert load_settings({"broker_url": FLAG}, config).broker_url == FLAG


def test_an_unknown_key_in_the_file_is_refused_with_the_known_ones(config: Path) -> None:
    config.write_text('brokerurl = "amqp://host"')
    with pytest.raises(SettingsError, match=r"unknown setting 'brokerurl'; known are broker_url, exposure_db_url, "):
        load_settings(config=config)


@pytest.mark.parametrize("content", [b'broker_url = "', b"\xff\xfe", b"a = 1\na = 2\n"])
def test_an_unreadable_file_is_named(content: bytes, config: Path) -> None:
    config.write_bytes(content)
    with pytest.raises(SettingsError, match=f"cannot read the settings file {config}: "):
        load_settings(config=config)


def test_a_file_that_somebody_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cannot read the settings file .*absent.toml: .*No such file"):
        load_settings(config=tmp_path / "absent.toml")


def test_a_settings_error_is_a_wrong_usage() -> None:
    assert issubclass(SettingsError, UsageError)
    assert SettingsError.exit_code == 2


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("/ics=/here", {"/ics": "/here"}),
        (" /ics = /here ; /raw = rsync://host/raw ;", {"/ics": "/here", "/raw": "rsync://host/raw"}),
        ("/ics=", {"/ics": ""}),
        ("/a=b=c", {"/a": "b=c"}),
        ({"/ics": "/here"}, {"/ics": "/here"}),
        (" ; ", {}),
    ],
)
def test_a_location_map_is_text_or_a_table(given: object, expected: dict[str, str]) -> None:
    assert load_settings({"location_map": given}).location_map == expected


def test_a_location_map_may_be_a_table_in_the_file(config: Path) -> None:
    config.write_text('[location_map]\n"/ics" = "/here"\n')
    assert load_settings(config=config).location_map == {"/ics": "/here"}


@pytest.mark.parametrize("given", ["/ics", "/ics=/here;/raw", "=/here"])
def test_half_a_pair_in_a_location_map_is_refused(given: str) -> None:
    with pytest.raises(SettingsError, match="several separated by ';'"):
        load_settings({"location_map": given})


@pytest.mark.parametrize("name", ["all", "log", "rejected", "requests", "", "-a", "a.b", "a\n", "x" * 65])
def test_a_follower_cannot_have_a_name_that_is_none_or_that_the_bus_needs_itself(name: str) -> None:
    with pytest.raises(SettingsError, match="subscriber from flag --subscriber"):
        load_settings({"subscriber": name})


@pytest.mark.parametrize("url", ["sqlite://cache.sqlite", "sqlite:cache.sqlite", "sqlite:///", "postgresql://", "x"])
def test_a_database_url_that_names_no_database_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="cache_url from flag --cache-url"):
        load_settings({"cache_url": url})


def test_several_broker_addresses_are_each_looked_at() -> None:
    urls = "amqp://mq1, amqps://mq2"
    assert load_settings({"broker_url": urls}).broker_url == urls
    with pytest.raises(SettingsError, match="'amqp://mq1, http://mq2'"):
        load_settings({"broker_url": "amqp://mq1, http://mq2"})


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("amqp://host", "amqp://host"),
        ("amqp://ics@host", "amqp://ics@host"),
        ("amqp://ics:secret@host:5672/%2F", "amqp://ics:***@host:5672/%2F"),
        ("amqp://:secret@host", "amqp://:***@host"),
        ("amqp://a:secret@mq1/v, amqps://b:secret@mq2/v", "amqp://a:***@mq1/v, amqps://b:***@mq2/v"),
        ("postgresql://h/desi?user=ics&password=secret", "postgresql://h/desi?user=ics&password=***"),
        ("postgresql://h/desi?sslpassword=secret&user=ics", "postgresql://h/desi?sslpassword=***&user=ics"),
        ("sqlite:////data/a,b.sqlite", "sqlite:////data/a,b.sqlite"),
        ("no url at all", "no url at all"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert redacted(url) == shown


@given(st.text(min_size=1), st.sampled_from(["amqp", "amqps", "postgresql"]), st.booleans())
def test_no_password_is_ever_shown_whatever_is_in_it(odd: str, scheme: str, several: bool) -> None:
    password = f"SEC{odd}RET"
    url = f"{scheme}://ics:{password}@host/desi"
    shown = redacted(f"amqp://other:OTHER@mq1,{url}" if several else url)
    assert not any(part in shown for part in ("SEC", "RET", "OTHER"))
    assert shown.endswith("@host/desi")


@given(st.text(alphabet=st.characters(codec="ascii", exclude_characters=","), min_size=1))
def test_a_wrong_url_is_named_without_its_password(odd: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings({"cache_url": f"mysql://qlf:SEC{odd}RET@host/cache"})
    assert "SEC" not in str(raised.value)
    assert "RET" not in str(raised.value)
