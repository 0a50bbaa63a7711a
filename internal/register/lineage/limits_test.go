package lineage

import (
	"strings"
	"testing"
)

// TestNesting goes to the bound with all that nests, and checks that the parser is sound afterwards; past the bound
// the text must not reach it.
func TestNesting(t *testing.T) {
	var p parser
	const plain = "SELECT a FROM b WHERE c = 1"
	sound := func() string {
		tree, err := p.parse(plain)
		if err != nil {
			return err.Error()
		}
		text, _ := p.deparse(tree.Stmts[0])
		return text
	}
	shapes := map[string]func(n int) string{
		"sums":    func(n int) string { return "SELECT " + strings.Repeat("1+", n) + "1" },
		"nots":    func(n int) string { return "SELECT " + strings.Repeat("NOT ", n) + "true" },
		"minuses": func(n int) string { return "SELECT " + strings.Repeat("- ", n) + "1" },
		"casts":   func(n int) string { return "SELECT x" + strings.Repeat("::int", n) },
		"unions":  func(n int) string { return "SELECT 1,2" + strings.Repeat(" UNION SELECT 1,2", n) },
		"joins":   func(n int) string { return "SELECT 1 FROM a" + strings.Repeat(" CROSS JOIN b", n) },
		"calls":   func(n int) string { return "SELECT " + strings.Repeat("f(1,2)+", n) + "1" },
		"bracket": func(n int) string { return "SELECT " + strings.Repeat("(", n) + "1" + strings.Repeat(")", n) },
		"queries": func(n int) string {
			return strings.Repeat("SELECT * FROM (", n) + "SELECT 1" + strings.Repeat(") x", n)
		},
		"cases": func(n int) string {
			return "SELECT " + strings.Repeat("CASE WHEN a AND ", n) + "b" + strings.Repeat(" THEN 1 END", n)
		},
		"all": func(n int) string {
			return "SELECT " + strings.Repeat("- ", n) + "(SELECT 1" + strings.Repeat(" UNION SELECT 1", n/6) + ")" + strings.Repeat("+ (a + NOT b", n/5) + strings.Repeat(")", n/5)
		},
		"mixed": func(n int) string { return strings.Repeat("SELECT a+NOT (", n) + "SELECT 1" + strings.Repeat(")", n) },
	}
	for name, shape := range shapes {
		low, high := 1, 5000
		for low < high { // the largest that is let through
			if mid := (low + high + 1) / 2; p.within(shape(mid)) == nil {
				low = mid
			} else {
				high = mid - 1
			}
		}
		if low < 20 || low > 1000 {
			t.Errorf("%s: %d levels are let through", name, low)
		}
		if tree, err := p.parse(shape(low)); err == nil {
			for low > 1 && height(tree.Stmts[0].ProtoReflect()) > maxWritten {
				low--
				tree, _ = p.parse(shape(low))
			}
			if _, err := p.deparse(tree.Stmts[0]); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if text := sound(); text != plain {
			t.Fatalf("%s at %d: the parser is damaged: %s", name, low, text)
		}
	}
}

// TestLongIsNotDeep lets long lists, texts and comments through.
func TestLongIsNotDeep(t *testing.T) {
	for _, text := range []string{
		"SELECT 1 WHERE 1 IN (1" + strings.Repeat(", 2", 5000) + ")",
		"INSERT INTO a VALUES (1, 'x'::text, -1)" + strings.Repeat(", (1, 'x'::text, -1)", 3000),
		"SELECT '" + strings.Repeat("it''s (a + b) ", 5000) + "'",
		"SELECT E'" + strings.Repeat(`it\'s (a + b) `, 5000) + "'",
		"SELECT $x$" + strings.Repeat("( + ", 5000) + "$x$",
		"/* " + strings.Repeat("( + /* - */ ", 5000) + "*/ SELECT 1",
		"-- " + strings.Repeat("( + ", 5000) + "\nSELECT 1",
		strings.Repeat("SELECT 1 + 1; ", 2000),
	} {
		if err := nests(text); err != nil {
			t.Errorf("%.40s…: %v", text, err)
		}
	}
	if err := nests("SELECT 'a' " + strings.Repeat("|| 'b' ", 2000)); err == nil {
		t.Error("a long chain is let through")
	}
	if err := nests(`SELECT name'\' ` + strings.Repeat("+ 1 ", 2000) + `'`); err == nil {
		t.Error("a type before a string is taken for an escape string")
	}
}

func FuzzNesting(f *testing.F) {
	for _, s := range []string{"SELECT 'a''b'", "$$ $a$ $$", "/* /* */", `E'\'`, `"a""b"`, "a -- b\n/**/+-/*", "U&'x'", "$1$2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n := nesting{text: text, chains: []int{0}}
		for i := 0; i < len(text); {
			next := n.token(i)
			if next <= i || next > len(text) || n.sum < 0 || len(n.chains) == 0 {
				t.Fatalf("at %d: next %d, sum %d", i, next, n.sum)
			}
			i = next
		}
	})
}

func TestShape(t *testing.T) {
	var p parser
	for text, want := range map[string]Shape{
		"SELECT 1 FROM v WHERE a IN (1, 2, 3)":                  {List: 3, Prefix: -1, Limit: Unbounded, Statements: 1},
		"SELECT 1 FROM v WHERE a LIKE 'Smi%' OR b LIKE '%x'":    {List: 2, Prefix: 0, Limit: Unbounded, Statements: 1},
		"SELECT 1 FROM v WHERE a LIKE 'Smi%' LIMIT 10 OFFSET 5": {Prefix: 3, Limit: 10, Offset: 5, Statements: 1},
		"SELECT 1 FROM v WHERE a LIKE $1 LIMIT $2":              {Prefix: 0, Limit: Unbounded, Statements: 1},
		"SELECT 1 FROM v WHERE a ~ '^Smith' LIMIT ALL":          {Prefix: 5, Limit: Unbounded, Statements: 1},
		"SELECT 1 FROM v WHERE a = ANY ($1)":                    {Arrays: 1, Prefix: -1, Limit: Unbounded, Statements: 1},
		"SELECT 1 FROM v WHERE a ILIKE 'smith'":                 {Prefix: -1, Limit: Unbounded, Statements: 1},
		"COPY (SELECT 1 FROM v LIMIT 7) TO STDOUT":              {Prefix: -1, Limit: 7, Statements: 1},
		"VALUES (1), (2)": {List: 2, Prefix: -1, Limit: Unbounded, Statements: 1},
	} {
		tree, err := p.parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := shapeOf(tree.Stmts[0].Stmt, 1); got != want {
			t.Errorf("%s: %+v, want %+v", text, got, want)
		}
	}
	limit := Shape{List: 3, Prefix: 2, Limit: 100, Statements: 1}
	for why, s := range map[string]Shape{
		"":                                   {List: 3, Prefix: 2, Limit: 100, Statements: 1},
		"a list of 4 values, allowed are 3":  {List: 4, Prefix: 2, Limit: 100, Statements: 1},
		"more rows than LIMIT 100":           {Prefix: -1, Limit: Unbounded, Statements: 1},
		"an OFFSET over 0":                   {Prefix: -1, Limit: 1, Offset: 9, Statements: 1},
		"a list whose length cannot be seen": {Arrays: 1, Limit: 1, Prefix: -1, Statements: 1},
		"2 statements in one text":           {Limit: 1, Prefix: -1, Statements: 2},
		"a pattern that begins with 1 literal characters, needed are 2": {Limit: 1, Prefix: 1, Statements: 1},
	} {
		if got, ok := s.Within(limit); got != why || ok != (why == "") {
			t.Errorf("%+v: %q, want %q", s, got, why)
		}
	}
}

func TestMisread(t *testing.T) {
	for value, bad := range map[string]bool{"UTF8": false, "utf-8": false, "SQL_ASCII": false, "LATIN1": false, "ISO_8859_5": false, "WIN1252": false,
		"SJIS": true, "BIG5": true, "GBK": true, "GB18030": true, "UHC": true, "JOHAB": true, "SHIFT_JIS_2004": true, "MULE_INTERNAL": true, "": true} {
		if got := misread(map[string]string{"client_encoding": value}) != ""; got != bad {
			t.Errorf("client_encoding %q: %v", value, got)
		}
	}
	if misread(map[string]string{"standard_conforming_strings": "off"}) == "" {
		t.Error("backslash strings are let through")
	}
}

func TestCacheForgetsWhatIsOld(t *testing.T) {
	c := newCache(8 << 10)
	kept := cacheKey{"kept", ""}
	c.put(kept, []Plan{{Kind: Pass}})
	for i := range 100 {
		c.put(cacheKey{strings.Repeat("x", i), ""}, nil)
		if _, ok := c.get(kept); !ok {
			t.Fatalf("what is in use is forgotten after %d others", i)
		}
	}
	if len(c.young)+len(c.old) > 12 {
		t.Errorf("%d entries are kept", len(c.young)+len(c.old))
	}
}

func TestFingerprint(t *testing.T) {
	var p parser
	print := func(text string) string {
		tree, err := p.parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return fingerprint(tree.Stmts[0].Stmt)
	}
	base := print("SELECT a FROM v WHERE b IN (1, 2) AND c LIKE 'x%'")
	for text, same := range map[string]bool{
		"select a\nfrom v where b in (1,2,3,4) and c like $1": true,
		"SELECT a FROM v WHERE b IN (1) AND c LIKE 'y'::text": true,
		"SELECT b FROM v WHERE b IN (1, 2) AND c LIKE 'x%'":   false,
		"SELECT a FROM w WHERE b IN (1, 2) AND c LIKE 'x%'":   false,
		"SELECT a FROM v WHERE b IN (1, 2) OR c LIKE 'x%'":    false,
		"SELECT a FROM v WHERE b IN (1, 2) AND c ILIKE 'x%'":  false,
		"SELECT a FROM v WHERE b IN (1, 2)":                   false,
	} {
		if got := print(text) == base; got != same {
			t.Errorf("%s: %v", text, got)
		}
	}
	if print("INSERT INTO v VALUES (1, 'a')") != print("INSERT INTO v VALUES (1, 'a'), (2, 'b')") {
		t.Error("rows of values count")
	}
}
