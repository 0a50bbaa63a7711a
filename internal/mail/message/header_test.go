package message

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestDecodeWords(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                                 "plain",
		"=?utf-8?q?caf=C3=A9_x?=":               "café x",
		"=?UTF-8?B?w6k=?= =?utf-8?b?w6k?=":      "éé",
		"=?utf-8?q?=C3?= =?utf-8?q?=A9?=":       "é", // a character split between words
		"=?iso-8859-1?q?a?= b =?x-none?q?=E9?=": "a b é",
		"a =?utf-8?q?b?= c":                     "a b c",
		"=?utf-8?q?a b?=":                       "a b",
		"=?utf-8?x?a?=":                         "=?utf-8?x?a?=",
		"=?utf-8?q?open":                        "=?utf-8?q?open",
		"caf\xe9":                               "café",
		"café":                                  "café",
		"=?utf-8*en?q?a?=":                      "a",
		"=?gb2312?B?1tC5+g==?=":                 "中国",
		"=?utf-16be?B?AGEAYg==?=":               "ab",
	} {
		if got := DecodeWords(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestParseAddresses(t *testing.T) {
	for in, want := range map[string][]string{
		"a@x.example":                                            {"|a@x.example"},
		"A Name <a@X.Example>":                                   {"A Name|a@x.example"},
		`"Doe, John" <j@x.example>`:                              {"Doe, John|j@x.example"},
		"Doe, John <j@x.example>":                                {"Doe, John|j@x.example"},
		"a@x.example (A Name)":                                   {"A Name|a@x.example"},
		"a@x.example, B <b@y.example>":                           {"|a@x.example", "B|b@y.example"},
		"Team: a@x.example, B <b@y.example>;":                    {"|a@x.example", "B|b@y.example"},
		"undisclosed-recipients:;":                               nil,
		"Re: you <a@x.example>":                                  {"Re: you|a@x.example"},
		"<@r.example,@s.example:a@x.example>":                    {"|a@x.example"},
		`"a@b.example" <c@d.example>`:                            {"a@b.example|c@d.example"},
		"a@b.example <c@d.example>":                              {"a@b.example|c@d.example"},
		`"=?utf-8?q?caf=C3=A9?=" <a@x.example>`:                  {"café|a@x.example"},
		"=?utf-8?q?A=2C_B_=3Cz=40z=2Eexample=3E?= <a@x.example>": {"A, B <z@z.example>|a@x.example"},
		"A Name a@x.example":                                     {"A Name|a@x.example"},
		"A <a@x.example":                                         {"A|a@x.example"},
		"A Name":                                                 {"A Name|@"},
		"A Name,(<a@x.example>)":                                 {"A Name|a@x.example"},
		`"A" <>`:                                                 {"A|@"},
		`"j d"@x.example`:                                        {"|j d@x.example"},
		"a@bücher.example":                                       {"|a@bücher.example"},
		"<mailto:a@x.example>":                                   {"|a@x.example"},
		"A <a @ x.example>":                                      {"A|a@x.example"},
		"a@x.example; b@y.example":                               {"|a@x.example", "|b@y.example"},
		`A "the \"B\"" C <a@x.example>`:                          {`A the "B" C|a@x.example`},
		"\"unclosed <a@x.example>":                               {"unclosed|a@x.example"},
	} {
		var got []string
		for _, a := range ParseAddresses(in) {
			got = append(got, a.Name+"|"+a.Local+"@"+a.Domain)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

func TestParseDate(t *testing.T) {
	for in, want := range map[string]string{
		"Mon, 1 Jan 2024 10:20:30 +0100":         "2024-01-01T09:20:30Z",
		"1 Jan 2024 10:20 EST (Eastern)":         "2024-01-01T15:20:00Z",
		"Mon,  1 Jan 24 10:20:30 GMT":            "2024-01-01T10:20:30Z",
		"1 Jan 99 10:20:30 -0000":                "1999-01-01T10:20:30Z",
		"Mon Jan  1 10:20:30 2024":               "2024-01-01T10:20:30Z",
		"Mon, 01-Jan-2024 10:20:30 UTC":          "2024-01-01T10:20:30Z",
		"2024-01-01T10:20:30Z":                   "2024-01-01T10:20:30Z",
		"Mon, 1 Jan 2024 10:20:30+0200":          "2024-01-01T08:20:30Z",
		"Mon, (a comment) 1 Jan 2024 10:20:30 Z": "2024-01-01T10:20:30Z",
		"yesterday":                              "",
		"Mon, 99 Jan 2024 10:20:30 +0000":        "",
		"":                                       "",
	} {
		got, err := ParseDate(in)
		switch {
		case want == "" && err == nil:
			t.Errorf("%q: %v, want an error", in, got)
		case want != "" && (err != nil || got.UTC().Format(time.RFC3339) != want):
			t.Errorf("%q: %v, %v, want %s", in, got, err, want)
		}
	}
}

func TestReceived(t *testing.T) {
	m := Parse([]byte(strings.Join([]string{
		"Received: from mail.x.example (rdns.x.example [192.0.2.1]) (using TLS)",
		"\tby mx.y.example (Postfix) with ESMTPS id 1 for <a@y.example>; Mon, 1 Jan 2024 10:00:00 +0000 (UTC)",
		"Received: from [IPv6:2001:db8::1] (helo=there) by z.example; bad date",
		"Received: by 203.0.113.9 with SMTP id 5",
		"", ""}, "\r\n")), DefaultLimits())
	r := m.Received()
	if len(r) != 3 {
		t.Fatalf("%d fields", len(r))
	}
	a := r[0]
	if a.From != "mail.x.example" || a.FromIP.String() != "192.0.2.1" || a.By != "mx.y.example" || a.With != "ESMTPS" || a.For != "a@y.example" || a.Time.Unix() != 1704103200 {
		t.Errorf("first: %+v", a)
	}
	if b := r[1]; b.FromIP.String() != "2001:db8::1" || b.By != "z.example" || !b.Time.IsZero() {
		t.Errorf("second: %+v", b)
	}
	if c := r[2]; c.From != "" || c.FromIP.IsValid() || c.By != "203.0.113.9" {
		t.Errorf("third: %+v", c)
	}
}

func TestHeaderOffsets(t *testing.T) {
	raw := "Subject: one\r\n two\r\nX:  y\r\nFrom : a@x.example\r\n\r\nbody"
	m := Parse([]byte(raw), DefaultLimits())
	f := m.Header[0]
	if f.Value != "one two" || raw[f.Start:f.End] != "Subject: one\r\n two\r\n" || raw[f.ValueStart:f.ValueStart+3] != "one" {
		t.Errorf("%+v", f)
	}
	if m.Header.Get("from") != "a@x.example" || !m.has(ParsersDisagree) {
		t.Errorf("%+v %v", m.Header, m.Defects)
	}
	if raw[m.Root.Start:m.Root.End] != "body" {
		t.Errorf("body %q", raw[m.Root.Start:m.Root.End])
	}
}

func TestParameters(t *testing.T) {
	for in, want := range map[string]string{
		`text/html; charset="utf-8"; x=y`:                        "text/html charset=utf-8 x=y",
		`text/html charset=utf-8`:                                "text/html charset=utf-8",
		`a/b; name*=utf-8''caf%C3%A9`:                            "a/b name=café",
		`a/b; name*0*=utf-8''caf%C3; name*1*=%A9; name*2=".pdf"`: "a/b name=café.pdf",
		`a/b; name="C:\dir\x.doc"`:                               `a/b name=C:\dir\x.doc`,
		`a/b; name=two words.doc`:                                "a/b name=two words.doc",
		`a/b; name="a;b"; x=1`:                                   "a/b name=a;b x=1",
		`a/b (comment; here); x=1 (more)`:                        "a/b x=1",
		`a/b; x=1 y=2`:                                           "a/b x=1 y=2",
	} {
		p := parseParameters(in)
		got := p.value
		for _, name := range []string{"charset", "name", "x", "y"} {
			if v, ok := p.params[name]; ok {
				got += " " + name + "=" + v
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}
