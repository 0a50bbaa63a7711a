package observable

import (
	"strings"
	"testing"

	portcullis "portcullis.example/portcullis"
)

func TestCanonical(t *testing.T) {
	md5, sha1, sha256 := strings.Repeat("aB", 16), strings.Repeat("Cd", 20), strings.Repeat("0F", 32)
	for _, c := range []struct {
		t        portcullis.ObservableType
		in, want string // "" for an error
	}{
		{portcullis.TypeDomain, " Example.COM. ", "example.com"},
		{portcullis.TypeDomain, "192.0.2.1", ""},
		{portcullis.TypeURL, "HTTP://Example.com", "http://example.com/"},
		{portcullis.TypeURL, "example.com", ""},
		{portcullis.TypeEmail, "Mona.Lee@Example.COM", "mona.lee@example.com"},
		{portcullis.TypeEmail, "Mona Lee <Mona.Lee@Example.COM>", "mona.lee@example.com"},
		{portcullis.TypeEmail, "mailto:mona%2Elee@example.com?subject=x", "mona.lee@example.com"},
		{portcullis.TypeEmail, "mona@bücher.example", "mona@xn--bcher-kva.example"},
		{portcullis.TypeEmail, "MÜLLER@example.com", "müller@example.com"},
		{portcullis.TypeEmail, `"mona.lee"@example.com`, "mona.lee@example.com"},
		{portcullis.TypeEmail, `"mona lee"@example.com`, `"mona lee"@example.com`},
		{portcullis.TypeEmail, `"a@b"@example.com`, `"a@b"@example.com`},
		{portcullis.TypeEmail, "mona+news@example.com", "mona+news@example.com"},
		{portcullis.TypeEmail, "mona@[192.0.2.1]", "mona@[192.0.2.1]"},
		{portcullis.TypeEmail, "mona@[IPv6:2001:DB8::1]", "mona@[2001:db8::1]"},
		{portcullis.TypeEmail, "mona@localhost", "mona@localhost"},
		{portcullis.TypeEmail, "mona", ""},
		{portcullis.TypeEmail, "@example.com", ""},
		{portcullis.TypeEmail, "mona lee@example.com", ""},
		{portcullis.TypeEmail, "mona@", ""},
		{portcullis.TypeEmail, strings.Repeat("a", 300) + "@example.com", ""},
		{portcullis.TypeIP, "192.0.2.1", "192.0.2.1"},
		{portcullis.TypeIP, "[2001:DB8::1]", "2001:db8::1"},
		{portcullis.TypeIP, "::ffff:192.0.2.1", "192.0.2.1"},
		{portcullis.TypeIP, "fe80::1%eth0", "fe80::1"},
		{portcullis.TypeIP, "192.0.2.256", ""},
		{portcullis.TypeCIDR, "192.0.2.77/24", "192.0.2.0/24"},
		{portcullis.TypeCIDR, "192.0.2.77/255.255.255.0", "192.0.2.0/24"},
		{portcullis.TypeCIDR, "2001:db8::1/32", "2001:db8::/32"},
		{portcullis.TypeCIDR, "::ffff:192.0.2.77/120", "192.0.2.0/24"},
		{portcullis.TypeCIDR, "192.0.2.0/33", ""},
		{portcullis.TypeCIDR, "192.0.2.0/255.0.255.0", ""},
		{portcullis.TypeCIDR, "192.0.2.0", ""},
		{portcullis.TypeCIDR, "192.0.2.0/-1", ""},
		{portcullis.TypeHash, md5, strings.ToLower(md5)},
		{portcullis.TypeHash, "sha-1: " + sha1, strings.ToLower(sha1)},
		{portcullis.TypeHash, "SHA256:" + sha256, strings.ToLower(sha256)},
		{portcullis.TypeHash, strings.TrimSuffix(strings.Repeat("AB:", 20), ":"), strings.Repeat("ab", 20)},
		{portcullis.TypeHash, md5[1:], ""},
		{portcullis.TypeHash, strings.Repeat("g", 32), ""},
		{portcullis.TypeSubject, " Re: ", ""},
		{portcullis.TypeMessageID, "<aB.1@example.com>", "aB.1@example.com"},
		{portcullis.TypeMessageID, "(comment) <a@\r\n b>", "a@b"},
		{portcullis.TypeMessageID, "<>", ""},
		{portcullis.TypeFileName, "u\u0308.pdf", "ü.pdf"},
		{"other", "x", ""},
	} {
		got, err := Canonical(c.t, c.in)
		if (err != nil) != (c.want == "") || got.Value != c.want {
			t.Errorf("Canonical(%s, %q) = %q, %v; want %q", c.t, c.in, got.Value, err, c.want)
			continue
		}
		if err != nil {
			continue
		}
		if again, err := Canonical(c.t, got.Value); err != nil || again != got {
			t.Errorf("Canonical(%s, %q) again = %q, %v", c.t, got.Value, again.Value, err)
		}
	}
}

func TestSubject(t *testing.T) {
	for in, want := range map[string]string{
		"Budget  vote\t2024":                "budget vote 2024",
		"Re: Budget":                        "budget",
		"RE: FW: Re: Fwd: Budget":           "budget",
		"Re[2]: AW: WG: Budget":             "budget",
		"Re(3): Re^4: Re*5: Budget":         "budget",
		"re :Budget":                        "budget",
		"TR: RV: SV: VS: Antw: Odp: Budget": "budget",
		"Отв: Пересл: Бюджет":               "бюджет",
		"回复：转发：预算":                          "预算",
		"答复: Re：預算":                         "預算",
		"返信: 転送: 予算":                        "予算",
		"Απ: ΠΡΘ: Προϋπολογισμός":           "προϋπολογισμόσ",
		"رد: الميزانية":                     "الميزانية",
		"תגובה: תקציב":                      "תקציב",
		"İLT: YNT: Bütçe":                   "bütçe",
		"STRASSE Straße":                    "strasse strasse",
		"Ｆｕｌｌ ｗｉｄｔｈ ﬁ":                      "full width fi",
		"Bud\u200bget\u202e":                "budget",
		"Regarding: the budget":             "regarding: the budget",
		"12:30 meeting":                     "12:30 meeting",
		"[EXTERNAL] Re: Budget":             "budget",
		"Re: [EXT]: Fwd: Budget":            "budget",
		"***SPAM*** Budget":                 "budget",
		"{Spam?} Budget":                    "budget",
		"<EXTERN> Budget":                   "budget",
		"[Budget list] vote":                "[budget list] vote",
		"[EXTERNAL]":                        "[external]",
		"[EXTERNAL] ***SPAM*** Fwd: Budget": "budget",
		"External affairs":                  "external affairs",
		"Re:":                               "",
		"":                                  "",
	} {
		if got := Subject(in); got != want {
			t.Errorf("Subject(%q) = %q; want %q", in, got, want)
		}
	}
}

func FuzzSubject(f *testing.F) {
	f.Add("Re: Fwd: 回复：x")
	f.Add("ΐ\u0345İ Re:\u00adAW:")
	f.Fuzz(func(t *testing.T, s string) {
		once := Subject(s)
		if len(once) < maxSubject && Subject(once) != once {
			t.Fatalf("Subject(%q) = %q; again %q", s, once, Subject(once))
		}
	})
}

func TestRefang(t *testing.T) {
	for in, want := range map[string]string{
		"hxxp://evil[.]example/a":        "http://evil.example/a",
		"hXXps://evil(.)example":         "https://evil.example",
		"hxxps[:]//evil{.}example":       "https://evil.example",
		"hxxps[://]evil[dot]example":     "https://evil.example",
		"h**p://evil(dot)example":        "http://evil.example",
		"fxp://evil[.]example":           "ftp://evil.example",
		"http[:]//evil[.example":         "http://evil.example",
		"evil.]example":                  "evil.example",
		"evil dot example dot com":       "evil.example.com",
		"mona[@]example[.]com":           "mona@example.com",
		"mona[at]example[dot]com":        "mona@example.com",
		"mona(at)example(dot)com":        "mona@example.com",
		`evil\.example\.com`:             "evil.example.com",
		"evil．example。com":               "evil.example.com",
		"ｅvil｡example":                   "ｅvil.example",
		"https：／／evil.example":           "https://evil.example",
		"evil[[.]]example":               "evil.example",
		"192[.]0[.]2[.]1":                "192.0.2.1",
		"2001[:]db8[:]:1":                "2001:db8::1",
		"http://[2001:db8::1]/":          "http://[2001:db8::1]/",
		"http://example.com/a(b)c?x[]=1": "http://example.com/a(b)c?x[]=1",
		"maxxp: no":                      "maxxp: no",
		"plain example.com":              "plain example.com",
	} {
		if got := Refang(in); got != want {
			t.Errorf("Refang(%q) = %q; want %q", in, got, want)
		}
	}
}

func FuzzRefang(f *testing.F) {
	f.Add("hxxps[://]evil[dot]example \\. (at)")
	f.Fuzz(func(t *testing.T, s string) {
		if got := Refang(s); len(got) > len(s) {
			t.Fatalf("Refang(%q) = %q grew", s, got)
		}
	})
}

func TestGuess(t *testing.T) {
	for in, want := range map[string]string{
		"news-tracker.example":                    "domain:news-tracker.example",
		" *.News-Tracker[.]example ":              "domain:news-tracker.example",
		"bücher.example":                          "domain:xn--bcher-kva.example",
		"hxxps://news-tracker[.]example/a":        "url:https://news-tracker.example/a",
		"news-tracker[.]example/a?b=c":            "url:http://news-tracker.example/a?b=c",
		"news-tracker.example:8080":               "url:http://news-tracker.example:8080/",
		"https://example.com/~mona@home":          "url:https://example.com/~mona@home",
		"example.com/@mona":                       "url:http://example.com/@mona",
		"Mona.Lee@example.com":                    "email:mona.lee@example.com",
		"Mona Lee <mona@example.com>":             "email:mona@example.com",
		"<mona@example.com>":                      "email:mona@example.com",
		"mailto:mona@example.com":                 "email:mona@example.com",
		"mona[at]example[.]com":                   "email:mona@example.com",
		"<20240601.120000.4711@mail.example.com>": "message-id:20240601.120000.4711@mail.example.com",
		"<abc@host.local>":                        "message-id:abc@host.local",
		"message-id:<x@y>":                        "message-id:x@y",
		"192.0.2.1":                               "ip:192.0.2.1",
		"192[.]0[.]2[.]1":                         "ip:192.0.2.1",
		"2001:db8::1":                             "ip:2001:db8::1",
		"[2001:db8::1]":                           "ip:2001:db8::1",
		"192.0.2.0/24":                            "cidr:192.0.2.0/24",
		"2001:db8::/32":                           "cidr:2001:db8::/32",
		strings.Repeat("Ab", 32):                  "hash:" + strings.Repeat("ab", 32),
		"md5:" + strings.Repeat("0", 32):          "hash:" + strings.Repeat("0", 32),
		"subject:Re: Budget vote":                 "subject:budget vote",
		"Subject: Budget: vote":                   "subject:budget: vote",
		"from:mona@example.com":                   "email:mona@example.com",
		"from:example.com":                        "domain:example.com",
		"domain:*.example.com":                    "domain:example.com",
		"url:example.com/a":                       "url:http://example.com/a",
		"ip:192.0.2.0/24":                         "cidr:192.0.2.0/24",
		"filename:invoice.pdf.exe":                "filename:invoice.pdf.exe",
		`"example.com",`:                          "domain:example.com",
	} {
		got, err := Guess(in)
		if err != nil || got.String() != want {
			t.Errorf("Guess(%q) = %s, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", "localhost", "Budget vote", "a:b", "12345", "/etc/passwd", "1.2.3", "192.0.2.256", "ip:x", "subject:Re:"} {
		if got, err := Guess(in); err == nil {
			t.Errorf("Guess(%q) = %s; want an error", in, got)
		}
	}
}
