import unittest

import renew_images

LIST = """\
# name, tag, tags
nats      2.15.1-alpine  2.15.#-alpine
debian    bookworm-slim  bookworm-#-slim
"""


class RenewImages(unittest.TestCase):
    def test_takes_the_highest_numbers_not_the_last_in_the_alphabet(self):
        tags = ["2.15.9-alpine", "2.15.10-alpine", "2.16.0-alpine", "2.15.11", "2.15.10-alpine3.22", "latest"]
        self.assertEqual(renew_images.newest(tags, "2.15.#-alpine"), "2.15.10-alpine")
        self.assertIsNone(renew_images.newest(tags, "1.#"))

    def test_renews_the_list_and_keeps_its_form(self):
        tags = {"nats": ["2.15.2-alpine"], "debian": ["bookworm-20261117-slim"]}
        renewed = renew_images.with_newest(LIST, tags.get)
        self.assertIn("\nnats      2.15.2-alpine  2.15.#-alpine\n", renewed)
        self.assertIn("\ndebian    bookworm-20261117-slim bookworm-#-slim\n", renewed)
        self.assertEqual(renew_images.listed(renewed)["debian"], ("bookworm-20261117-slim", "bookworm-#-slim"))

    def test_writes_tags_only_where_an_image_is_named(self):
        text = "image: nats:2.1\nurl: nats://nats:4222\nFROM nats:2.1 AS a\nimage: visitors-gateway:0.2.0\nrepository: nats\n  tag: 2.1\n"
        written = "image: nats:2.2\nurl: nats://nats:4222\nFROM nats:2.2 AS a\nimage: visitors-gateway:0.2.0\nrepository: nats\n  tag: 2.2\n"
        self.assertEqual(renew_images.with_tags(text, {"nats": "2.2"}), written)
        self.assertEqual(list(renew_images.differences(written, {"nats": "2.2"})), [])
        self.assertEqual(len(list(renew_images.differences(text, {"nats": "2.2"}))), 3)
        self.assertEqual(len(list(renew_images.differences(text, {}))), 3)


if __name__ == "__main__":
    unittest.main()
