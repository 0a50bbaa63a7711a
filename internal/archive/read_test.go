package archive_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/archive"
)

// read returns a file's indicators and problems as lines.
func read(t testing.TB, text string) (indicators, problems []string) {
	t.Helper()
	list, found, err := archive.ReadIndicators("f", strings.NewReader(text))
	must(t, err)
	for _, i := range list {
		line := i.Pattern.String()
		if i.Source != "" {
			line += " by " + i.Source
		}
		if i.Marking != "" {
			line += " " + i.Marking
		}
		if !i.From.IsZero() {
			line += " from " + i.From.Format(time.DateOnly)
		}
		if !i.Until.IsZero() {
			line += " until " + i.Until.Format(time.DateOnly)
		}
		indicators = append(indicators, line)
	}
	for _, p := range found {
		problems = append(problems, p.Error())
		if !p.Note && p.Remedy == "" {
			t.Errorf("no remedy: %v", p)
		}
	}
	return indicators, problems
}

func TestReadIndicators(t *testing.T) {
	md5, sha256 := strings.Repeat("0a", 16), strings.Repeat("0b", 32)
	for _, c := range []struct {
		name, text     string
		want, problems []string // problems: what each must hold
	}{
		{"empty", "", nil, nil},
		{"plain", "\ufeff# a list\n\nevil[.]example\nhxxp://evil[.]example/x#y # told by phone\n 192.0.2.1\t# that too\n203.0.113.0/24\r\n[2001:db8::1]\nsubject:Hello, world\n@bad.example\nhttp://a.example/b/*\nnonsense\n" + md5,
			[]string{"domain:evil.example", "url:http://evil.example/x", "ip:192.0.2.1", "cidr:203.0.113.0/24", "ip:2001:db8::1", "subject:hello, world",
				"email:@bad.example", "url:http://a.example/b/*", "hash:" + md5}, []string{`f:11: "nonsense" is no domain`}},
		{"twice", "evil.example\nEVIL.example.\n", []string{"domain:evil.example"}, nil},
		{"header", "First seen,IOC Value,IOC-Type,TLP,Reporter,valid_until\n2024,evil[.]example,hostname,amber,otto,2030-01-02\n\"x, y\",\"http://e.example/a,b\",url,,,soon\n,,,\nz,abc,mutex\n",
			[]string{"domain:evil.example by otto TLP:AMBER until 2030-01-02", "url:http://e.example/a,b"},
			[]string{`f:3: "soon" is not a time`, "f:4:", `f:5: "abc" is no`}},
		{"semicolons", "note;evil.example;x\nnote;192.0.2.1:8080;x\n\n# no\nnote;;\n", []string{"domain:evil.example", "url:http://192.0.2.1:8080/"}, []string{"f:5:"}},
		{"one column", "indicator\nevil.example\n", []string{"domain:evil.example"}, nil},
		{"ports", "type,value\nip:port,192.0.2.1:443\nip-dst,203.0.113.0/24\ndomain,*.evil.example\nurl,evil.example/x\n",
			[]string{"ip:192.0.2.1", "cidr:203.0.113.0/24", "domain:evil.example", "url:http://evil.example/x"}, nil},
		{"long line", strings.Repeat("x", 200<<10) + "\nevil.example", []string{"domain:evil.example"}, []string{"f:1: the line is longer"}},
		{"misp event", `{"Event":{"Orgc":{"name":"CERT"},"Tag":[{"name":"tlp:green"}],"Attribute":[
			{"type":"domain|ip","value":"evil.example|192.0.2.1","to_ids":true},
			{"type":"filename|sha256","value":"a.exe|` + sha256 + `","to_ids":true,"Tag":[{"name":"tlp:red"}]},
			{"type":"email-src","value":"a@evil.example"},{"type":"url","value":"hxxp://evil.example/x"},
			{"type":"mutex","value":"m","to_ids":true},{"type":"comment","value":"c","to_ids":false},{"type":"ip-dst","value":"nine"},
			{"type":"domain","value":"old.example","deleted":true},{"type":["x"]}],
			"Object":[{"Attribute":[{"type":"ip-dst|port","value":"192.0.2.2|443"},{"type":"email-subject","value":"RE: Offer"}]}]}}`,
			[]string{"domain:evil.example by CERT TLP:GREEN", "ip:192.0.2.1 by CERT TLP:GREEN", "hash:" + sha256 + " by CERT TLP:RED", "email:a@evil.example by CERT TLP:GREEN",
				"url:http://evil.example/x by CERT TLP:GREEN", "ip:192.0.2.2 by CERT TLP:GREEN", "subject:offer by CERT TLP:GREEN"},
			[]string{`f Event.Attribute[4]: attributes of type "mutex"`, "f Event.Attribute[6].value: IP address", "f Event.Attribute[8]: not an attribute", "1 attributes that are not marked", "1 deleted"}},
		{"misp search", `{"response":{"Attribute":[{"type":"md5","value":"` + md5 + `","Event":{"Orgc":{"name":"O"}}}]}}`, []string{"hash:" + md5 + " by O"}, nil},
		{"misp events", `{"response":[{"Event":{"Attribute":[{"type":"domain","value":"a.example"}]}},{"Event":{"Attribute":[{"type":"domain","value":"b.example"}]}}]}`,
			[]string{"domain:a.example", "domain:b.example"}, nil},
		{"misp attribute", `{"type":"hostname","value":"a.example"}`, []string{"domain:a.example"}, nil},
		{"stix bundle", `{"type":"bundle","id":"bundle--1","objects":[
			{"type":"identity","id":"identity--1","name":"Partner"},
			{"type":"marking-definition","id":"marking-definition--1","definition_type":"tlp","definition":{"tlp":"amber"}},
			{"type":"indicator","id":"indicator--1","created_by_ref":"identity--1","object_marking_refs":["marking-definition--1"],"pattern_type":"stix",
			 "pattern":"[domain-name:value = 'evil.example' OR url:value='http://evil.example/it\\'s'] OR ([ipv4-addr:value ISSUBSET '203.0.113.0/24'])",
			 "valid_from":"2024-01-02T00:00:00Z","valid_until":"2025-01-02T00:00:00.5Z"},
			{"type":"indicator","id":"indicator--2","object_marking_refs":["marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"],
			 "pattern":"[file:hashes.'SHA-256' = '` + sha256 + `' OR file:hashes.MD5 IN ('` + md5 + `')]"},
			{"type":"indicator","id":"indicator--3","pattern":"[email-message:subject = 'Fwd: Offer' OR email-addr:value='A@Evil.example' OR ipv6-addr:value='2001:DB8::1' OR process:pid = '1']"},
			{"type":"indicator","id":"indicator--4","pattern":"[file:name = 'a' AND file:size = 5]"},
			{"type":"indicator","id":"indicator--5","pattern":"alert tcp any","pattern_type":"snort"},
			{"type":"indicator","id":"indicator--6","pattern":"[domain-name:value LIKE '%.example']"},
			{"type":"indicator","id":"indicator--7","revoked":true,"pattern":"[domain-name:value = 'old.example']"},
			{"type":"domain-name","id":"domain-name--1","value":"seen.example"},{"type":"indicator","pattern":5}]}`,
			[]string{"domain:evil.example by Partner TLP:AMBER from 2024-01-02 until 2025-01-02", "url:http://evil.example/it's by Partner TLP:AMBER from 2024-01-02 until 2025-01-02",
				"cidr:203.0.113.0/24 by Partner TLP:AMBER from 2024-01-02 until 2025-01-02", "hash:" + sha256 + " TLP:RED", "hash:" + md5 + " TLP:RED",
				"subject:offer", "email:a@evil.example", "ip:2001:db8::1"},
			[]string{"f objects[10]: not a STIX", "f objects[4].pattern: process:pid is not", "f objects[5].pattern: pattern", "f objects[6].pattern: a pattern of type \"snort\"", `f objects[7].pattern: pattern`, "1 revoked", "1 observed objects"}},
		{"stix alone", `{"type":"indicator","pattern":"[url:value = 'http://evil.example/']"}` + "\n" + `{"type":"indicator","pattern":"[url:value = "}`,
			[]string{"url:http://evil.example/"}, []string{"f document 2 pattern: pattern"}},
		{"stix list", `[{"type":"indicator","id":"indicator--1","pattern":"[domain-name:value = 'a.example']"}]`, []string{"domain:a.example"}, nil},
		{"other json", `{"a":1}`, nil, []string{"neither a MISP event"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, problems := read(t, c.text)
			equal(t, "indicators", got, c.want)
			if len(problems) != len(c.problems) {
				t.Fatalf("problems: %q\nwant %q", problems, c.problems)
			}
			for i, want := range c.problems {
				if !strings.Contains(problems[i], want) {
					t.Errorf("problem %d: %s\nwant %s", i, problems[i], want)
				}
			}
		})
	}
}

func TestReadIndicatorsRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"{\n\"type\": \"bundle\",\n\"obj": "f:3: not JSON",
		"[{\"a\": 1},\n\n]":               "f:3: not JSON",
		"\xff\xfee\x00v\x00":              "UTF-16",
		"\x1f\x8b\x08\x00evil.test\n":     "no text",
	} {
		if _, _, err := archive.ReadIndicators("f", strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %s", text, err, want)
		}
	}
}

func TestReadIndicatorsLimit(t *testing.T) {
	var b strings.Builder
	for i := range archive.MaxIndicators + 7 {
		fmt.Fprintf(&b, "d%d.example\n", i)
	}
	list, problems, err := archive.ReadIndicators("f", strings.NewReader(b.String()))
	must(t, err)
	equal(t, "read", len(list), archive.MaxIndicators)
	if len(problems) != 1 || !strings.Contains(problems[0].Error(), "7 indicators beyond") {
		t.Errorf("problems: %v", problems)
	}
}

func TestParseMarking(t *testing.T) {
	for text, want := range map[string]string{"": "", "tlp:white": "TLP:CLEAR", "Amber+Strict": "TLP:AMBER+STRICT", "TLP: red": "TLP:RED"} {
		got, err := archive.ParseMarking(text)
		must(t, err)
		equal(t, text, got, want)
	}
	if _, err := archive.ParseMarking("secret"); err == nil {
		t.Error("secret is no TLP marking")
	}
}

// FuzzReadIndicators reads anything: no panic, bounded results, canonical patterns.
func FuzzReadIndicators(f *testing.F) {
	for _, seed := range []string{
		"evil[.]example\n# x\n192.0.2.0/24 # y", "value,type\na.example,domain\n", "a;b.example;c\n",
		`{"Event":{"Attribute":[{"type":"domain|ip","value":"a.example|192.0.2.1"}]}}`,
		`{"type":"bundle","objects":[{"type":"indicator","pattern":"[domain-name:value = 'a.example']"}]}`, `[[[]]]`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, _, err := archive.ReadIndicators("f", strings.NewReader(text))
		if err == nil {
			check(t, text, list)
		}
	})
}

// FuzzStixPattern puts anything where a pattern stands.
func FuzzStixPattern(f *testing.F) {
	for _, seed := range []string{"[domain-name:value = 'a.example']", `[url:value = 'x\'\\'] OR ([file:hashes."SHA-1" IN ('a','b')])`, "[a:b[*].c='"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, problems, err := archive.ReadIndicators("f", strings.NewReader(fmt.Sprintf(`{"type":"indicator","pattern":%s}`, quote(text))))
		must(t, err)
		if len(list) == 0 && len(problems) == 0 {
			t.Errorf("%q is dropped silently", text)
		}
		check(t, text, list)
	})
}

// FuzzMispValue puts anything where a value stands.
func FuzzMispValue(f *testing.F) {
	f.Add("domain|ip", "a.example|192.0.2.1")
	f.Add("filename|md5", "x|y|z")
	f.Add("email-subject", "Re:")
	f.Fuzz(func(t *testing.T, kind, value string) {
		list, problems, err := archive.ReadIndicators("f", strings.NewReader(fmt.Sprintf(`{"Attribute":[{"type":%s,"value":%s}]}`, quote(kind), quote(value))))
		must(t, err)
		if len(list) == 0 && len(problems) == 0 && !strings.Contains(kind, "|") {
			t.Errorf("%q %q is dropped silently", kind, value)
		}
		check(t, value, list)
	})
}

// FuzzTable puts anything into a row.
func FuzzTable(f *testing.F) {
	f.Add("a.example", "domain", "2024-01-01")
	f.Add(`"x`, "", "")
	f.Fuzz(func(t *testing.T, value, kind, until string) {
		list, _, err := archive.ReadIndicators("f", strings.NewReader("value,type,valid_until\n"+value+","+kind+","+until+"\n"))
		if err == nil {
			check(t, value, list)
		}
	})
}

// check demands that each pattern can be hunted and that reading it again changes nothing.
func check(t *testing.T, from string, list []portcullis.Indicator) {
	t.Helper()
	if len(list) > len(from)+1 {
		t.Errorf("%d indicators from %d bytes", len(list), len(from))
	}
	m := archive.NewMatcher(list)
	for _, i := range list {
		if i.Pattern.Value == "" {
			t.Errorf("%q: an empty pattern %v", from, i)
		}
		var hits []portcullis.Indicator
		m.Match(archive.Entry{Observable: i.Pattern}, func(hit portcullis.Indicator) { hits = append(hits, hit) })
		exact := i.Pattern.Type != portcullis.TypeCIDR && !strings.HasSuffix(i.Pattern.Value, "/*") && !strings.HasPrefix(i.Pattern.Value, "@")
		if exact && !slices.Contains(hits, i) {
			t.Errorf("%q: %v does not match itself", from, i.Pattern)
		}
	}
}
