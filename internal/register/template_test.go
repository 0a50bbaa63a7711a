package register

import (
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/register/lineage"
)

// TestCut takes out values that are compared, and nothing whose value could change what a statement means.
func TestCut(t *testing.T) {
	for text, want := range map[string]string{
		`SELECT a FROM t WHERE id = 5`:                          `SELECT a FROM t WHERE id = ?`,
		`SELECT a FROM t WHERE id = 5;`:                         `SELECT a FROM t WHERE id = ?;`,
		`SELECT a FROM t WHERE id>=5 AND n <> 'Smith' LIMIT 10`: `SELECT a FROM t WHERE id>=? AND n <> ? LIMIT 10`,
		`SELECT a FROM t WHERE n = 'a' ORDER BY 1`:              `SELECT a FROM t WHERE n = ? ORDER BY 1`,
		`SELECT a FROM t WHERE n = 'pg_class'::regclass`:        ``,
		`SELECT a FROM t WHERE n = 5 + 3`:                       ``,
		`SELECT a FROM t WHERE n = 5 OR m = -5`:                 ``,
		`SELECT a FROM t WHERE n = E'a'`:                        ``,
		`SELECT a FROM t WHERE n = 'it''s'`:                     ``,
		`SELECT a FROM t WHERE n = 'a' 'b'`:                     ``,
		"SELECT a FROM t WHERE n = 'a'\n'b'":                    ``,
		`SELECT a FROM t WHERE n = 5 -- x`:                      ``,
		`SELECT a FROM t WHERE n = 5 /* x */`:                   ``,
		`SELECT a FROM t WHERE n = $$a$$`:                       ``,
		`SELECT a FROM t WHERE n = 5; SELECT 1`:                 ``,
		`SELECT a FROM t WHERE n = 12345678901`:                 ``,
		`SELECT a FROM t WHERE n = 1.5`:                         ``,
		`SELECT a FROM t WHERE n = 5x`:                          ``,
		`SELECT a FROM t WHERE n = 5and b = 3`:                  ``,
		`SELECT a FROM t WHERE n LIKE 'a%' LIMIT 5`:             ``,
		`SELECT a FROM t WHERE n IN (1, 2)`:                     ``,
		`SELECT a FROM t WHERE n = 'a' COLLATE "C"`:             ``,
		`SELECT a FROM t WHERE n = 'ä'`:                         ``,
		`UPDATE t SET a = 5 WHERE id = 3`:                       `UPDATE t SET a = 5 WHERE id = ?`,
	} {
		var c cutter
		got := ""
		if c.cut("s", text) {
			got = strings.ReplaceAll(strings.TrimPrefix(string(c.key), "s\x00"), "\x00", "?")
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// TestTemplate gives one judgement to texts that differ in values, and none where a mark could not be found again.
func TestTemplate(t *testing.T) {
	rewrite := func(text string) ([]lineage.Plan, error) {
		return []lineage.Plan{{Kind: lineage.Rows, Fingerprint: "f", Rewritten: true, Text: strings.Replace(text, "a FROM", "a, id FROM public.", 1)}}, nil
	}
	twice := func(text string) ([]lineage.Plan, error) {
		return []lineage.Plan{{Kind: lineage.Rows, Fingerprint: "f", Rewritten: true, Text: text + text}}, nil
	}
	const text = `SELECT a FROM t WHERE n = 'x' AND id = 7`
	var c cutter
	if !c.cut("", text) {
		t.Fatal("no template")
	}
	own, _ := rewrite(text)
	tpl, err := c.learn(text, &own[0], rewrite)
	if err != nil {
		t.Fatal(err)
	}
	const other = `SELECT a FROM t WHERE n = 'yy' AND id = 8`
	key := string(c.key)
	if !c.cut("", other) || string(c.key) != key {
		t.Fatal("another template")
	}
	if got := c.fill(tpl, other); got != `SELECT a, id FROM public. t WHERE n = 'yy' AND id = 8` {
		t.Errorf("%q", got)
	}
	c.cut("", text)
	doubled, _ := twice(text)
	if _, err := c.learn(text, &doubled[0], twice); err == nil {
		t.Error("a mark that stands twice was accepted")
	}
}

// FuzzCut puts texts together again.
func FuzzCut(f *testing.F) {
	for _, s := range []string{`SELECT a FROM t WHERE id = 5 AND n = 'x'`, `a='b'='c'`, "x=1;;", `"q"=5`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var c cutter
		if !c.cut("", text) {
			return
		}
		from := 0
		var b strings.Builder
		for _, v := range c.values {
			if v[0] < from || v[1] <= v[0] || v[1] > len(text) {
				t.Fatalf("%q: %v", text, c.values)
			}
			b.WriteString(text[from:v[0]] + "\x00")
			from = v[1]
		}
		if got := b.String() + text[from:]; got != string(c.key[1:]) {
			t.Fatalf("%q: key %q, want %q", text, c.key, got)
		}
	})
}
