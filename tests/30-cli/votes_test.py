"""`troupe votes count`: needs no broker."""
import cli
import harness

POLL = """options: [memphis, nashville, chattanooga, knoxville]
ballots:
  - {count: 42, ranking: [memphis, nashville, chattanooga, knoxville]}
  - {count: 26, ranking: [nashville, chattanooga, knoxville, memphis]}
  - {count: 15, ranking: [chattanooga, knoxville, nashville, memphis]}
  - {count: 17, ranking: [knoxville, chattanooga, nashville, memphis]}
"""


class Votes(cli.CliTest):
    def count(self, text, *arguments):
        return self.troupe("votes", "count", "-", *arguments, text=text)

    def test_a_poll(self):
        done = self.expect(self.count(POLL, "-o", "json"), 0, err="nashville wins by schulze: 58 % of the votes")
        self.assertEqual([(row["option"], row["chosen"]) for row in done.json()],
                         [("nashville", True), ("chattanooga", False), ("knoxville", False), ("memphis", False)])
        done = self.expect(self.count(POLL, "--method", "borda", "-o", "json"), 0, err="nashville wins by borda")
        self.assertEqual([row["points"] for row in done.json()], [194, 173, 126, 107])
        self.expect(self.count(POLL, "-o", "name"), 0, "nashville\nchattanooga\nknoxville\nmemphis\n", err="wins")

    def test_nothing_is_decided(self):
        self.expect(self.count(POLL + "quorum: 101\n"), 3, err="100 took part, where the quorum is 101")
        self.expect(self.count(POLL + "quorum-share: 50\nelectorate: 201\n"), 3, err="49.7512 % of the votes took part, where the quorum is 50 %")
        self.expect(self.count(POLL + "majority: 60\n"), 3, err="where more than 60 % is needed")
        self.expect(self.count("options: [a, b]\nballots: [{ranking: [a = b]}]\n"), 3, err="a and b are equal")

    def test_what_is_wrong(self):
        self.expect(self.count(POLL, "--method", "score"), 3, "", err="the ballots are those of schulze")
        self.expect(self.count("options: [a]\nballots: [{ranking: [b]}]\n"), 3, "",
                    err='-:2:21: ballots[0].ranking: "b" is none of the options')
        self.expect(self.troupe("votes", "count", "/nonexistent"), 3, "", err="/nonexistent")


if __name__ == "__main__":
    harness.main()
