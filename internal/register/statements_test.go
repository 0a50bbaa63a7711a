package register

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestStatementsOfALog: of a log only what was asked is judged, not what the server says of itself or of what failed.
func TestStatementsOfALog(t *testing.T) {
	const stamp = "2026-11-22 10:00:00.123 UTC [1234] alice@register "
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"log": {stamp + "LOG:  statement: select id\n\tfrom voters\n" + stamp + "LOG:  execute <unnamed>: select 2\n" + stamp + "DETAIL:  parameters: $1 = '4711'\n" +
			stamp + "LOG:  duration: 0.1 ms  statement: select 3\n" + stamp + "LOG:  checkpoint starting: time\n" + stamp + "ERROR:  syntax error\n\tin two lines\n" + stamp + "STATEMENT:  sel ect\n\tfrom voters\n" +
			stamp + "WARNING:  there is no transaction in progress\n" + stamp + "LOG:  statement: select 4\n",
			[]string{"1 select id\nfrom voters", "3 select 2", "5 select 3", "12 select 4"}},
		"lines": {"select 1\n\n-- a remark\n  select 'ERROR: x'\nselect 2\n\tfrom y\n", []string{"1 select 1", "4   select 'ERROR: x'", "5 select 2\nfrom y"}},
		"a tab": {"\tselect 1\n", []string{"1 \tselect 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			err := Statements(strings.NewReader(c.in), func(line int, text string) error {
				got = append(got, fmt.Sprintf("%d %s", line, text))
				return nil
			})
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%v\n%q\nwant\n%q", err, got, c.want)
			}
		})
	}
}

// TestLearnedIsReviewable: an allow-list shows each statement without values, and nothing of a name gets out of its comment.
func TestLearnedIsReviewable(t *testing.T) {
	var out strings.Builder
	err := TOML(&out, []Learned{{Fingerprint: "ab", Kind: "rows", Outline: "SELECT id AS \"x\n[[allow]]\nfingerprint = 'evil'\u2028\" FROM voters WHERE id = $1", Prefix: -1, Limit: -1}})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	if !strings.HasPrefix(lines[0], `# SELECT id AS "x [[allow]] fingerprint = 'evil' " FROM voters WHERE id = $1`) || !strings.HasPrefix(lines[1], "[[allow]] # rows, seen") || strings.Count(out.String(), "\n[[allow]]") != 1 {
		t.Errorf("it says:\n%s", out.String())
	}
}
