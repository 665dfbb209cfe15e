# SPDX-License-Identifier: Apache-2.0
import re
import unittest

from oslo_config import cfg

from secretstore import conf as options
from secretstore.conf import database, opts


class OptionsTest(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.conf = cfg.ConfigOpts()
        options.register_opts(self.conf)
        self.conf([], default_config_files=[])

    def test_barbicans_names_and_defaults(self) -> None:
        for name, value in (
            ('host_href', ''),
            ('max_allowed_secret_in_bytes', 20000),
            ('max_allowed_request_size_in_bytes', 25000),
            ('default_limit_paging', 10),
            ('max_limit_paging', 100),
        ):
            self.assertEqual(value, self.conf[name])
        for resource in 'secrets', 'orders', 'containers', 'consumers', 'cas':
            self.assertEqual(-1, self.conf.quotas[f'quota_{resource}'])

    def test_twice_is_once(self) -> None:
        options.register_opts(self.conf)

    def test_the_generator_lists_each_option_once_with_help(self) -> None:
        seen = set()
        for group, listed in opts.list_opts():
            for option in listed:
                self.assertNotIn((group, option.name), seen)
                seen.add((group, option.name))
                self.assertTrue(option.help, option.name)
                name = option.dest
                found = self.conf if group == 'DEFAULT' else self.conf[group]
                default = option.default
                if isinstance(default, str):
                    default = default.replace(
                        '$state_path', self.conf.state_path
                    )
                self.assertEqual(default, found[name], name)

    def test_what_no_report_may_show(self) -> None:
        telling = re.compile('passw|phrase|transport_url|(^|_)(pin|token)$')
        named = [
            option
            for _, listed in opts.list_opts()
            for option in listed
            if telling.search(option.dest)
        ]
        self.assertIn('transport_url', {option.dest for option in named})
        for option in named:
            self.assertTrue(option.secret, option.dest)

    def test_options_that_oslo_db_has_and_nothing_reads(self) -> None:
        self.assertEqual(20, self.conf.database.max_pool_size)
        with self.assertRaises(cfg.NoSuchOptError):
            self.conf.database['slave_connection']

    def test_oslo_db_still_has_what_is_read(self) -> None:
        found = [option.name for option in database.OPTS]
        self.assertEqual(8, len(found), found)

    def test_values_that_make_no_sense(self) -> None:
        for group, name, value in (
            (None, 'auth_strategy', 'magic'),
            (None, 'max_allowed_secret_in_bytes', 0),
            (None, 'max_limit_paging', 0),
            ('api', 'auth_cache_time', -1),
            ('limits', 'consumers_per_object', 0),
            ('conductor', 'key_cache_ttl', -1),
        ):
            with self.subTest(name), self.assertRaises(ValueError):
                self.conf.set_override(name, value, group)
