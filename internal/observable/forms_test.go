package observable

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	portcullis "portcullis.example/portcullis"
)

func formsOf(u string) map[portcullis.Observable]string {
	out := map[portcullis.Observable]string{}
	Forms(u, func(f Form) { out[f.Observable] = f.How })
	return out
}

// hidden builds, per place and encoding, a URL that holds a value.
var hidden = map[string]func(string) string{
	"param":       func(v string) string { return "https://click.example.net/r?id=7&r=" + url.QueryEscape(v) },
	"param plain": func(v string) string { return "https://click.example.net/r?id=7&r=" + v },
	"param twice": func(v string) string {
		return "https://click.example.net/r?r=" + url.QueryEscape(url.QueryEscape(v)) + "&x=1"
	},
	"param thrice": func(v string) string {
		return "https://click.example.net/r?r=" + url.QueryEscape(url.QueryEscape(url.QueryEscape(v)))
	},
	"param amp": func(v string) string { return "https://click.example.net/r?a=1&amp;r=" + url.QueryEscape(v) },
	"param base64": func(v string) string {
		return "https://click.example.net/r?r=" + url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(v)))
	},
	"param base64raw": func(v string) string {
		return "https://click.example.net/r?r=" + base64.StdEncoding.EncodeToString([]byte(v))
	},
	"param nopad": func(v string) string {
		return "https://click.example.net/r?r=" + base64.RawStdEncoding.EncodeToString([]byte(v))
	},
	"param base64url": func(v string) string {
		return "https://click.example.net/r?r=" + base64.RawURLEncoding.EncodeToString([]byte(v))
	},
	"param urlpad": func(v string) string {
		return "https://click.example.net/r?r=" + base64.URLEncoding.EncodeToString([]byte(v))
	},
	"param hex": func(v string) string { return "https://click.example.net/r?r=" + hex.EncodeToString([]byte(v)) },
	"param HEX": func(v string) string {
		return "https://click.example.net/r?r=" + strings.ToUpper(hex.EncodeToString([]byte(v)))
	},
	"param base64 twice": func(v string) string {
		once := base64.StdEncoding.EncodeToString([]byte(v))
		return "https://click.example.net/r?r=" + base64.RawURLEncoding.EncodeToString([]byte(once))
	},
	"json": func(v string) string {
		doc := fmt.Sprintf(`{"id":12,"t":%q,"n":"x"}`, strings.ReplaceAll(v, "/", `\/`))
		doc = strings.ReplaceAll(doc, `\\/`, `\/`)
		return "https://click.example.net/r?d=" + base64.RawURLEncoding.EncodeToString([]byte(doc))
	},
	"json plain": func(v string) string {
		return "https://click.example.net/r?d=" + url.QueryEscape(fmt.Sprintf(`{"id":12,"t":%q}`, v))
	},
	"form": func(v string) string {
		return "https://click.example.net/r?d=" + base64.StdEncoding.EncodeToString([]byte("rcpt=7&url="+url.QueryEscape(v)+"&c=1"))
	},
	"form email": func(v string) string {
		return "https://click.example.net/r?d=" + base64.StdEncoding.EncodeToString([]byte("rcpt=a@b.example&url="+url.QueryEscape(v)+"&c=1"))
	},
	"jwt": func(v string) string {
		return "https://click.example.net/r?t=eyJhbGciOiJIUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(`{"u":"`+v+`"}`)) + ".c2lnbmF0dXJl"
	},
	"protobuf": func(v string) string {
		return "https://click.example.net/r?t=" + base64.RawURLEncoding.EncodeToString([]byte("\x08\x96\x01\x12\xff"+v+"\x00\x01"))
	},
	"whole query": func(v string) string { return "https://click.example.net/r?" + v },
	"whole b64": func(v string) string {
		return "https://click.example.net/r?" + base64.StdEncoding.EncodeToString([]byte(v))
	},
	"path percent": func(v string) string { return "https://click.example.net/r/" + url.QueryEscape(v) + "/x" },
	"path base64url": func(v string) string {
		return "https://click.example.net/r/" + base64.RawURLEncoding.EncodeToString([]byte(v)) + "/x.gif"
	},
	"path base64": func(v string) string {
		return "https://click.example.net/r/" + base64.StdEncoding.EncodeToString([]byte(v))
	},
	"path hex":         func(v string) string { return "https://click.example.net/" + hex.EncodeToString([]byte(v)) + "/p.png" },
	"path matrix":      func(v string) string { return "https://click.example.net/r;id=1;u=" + url.QueryEscape(v) + ";z=2/x" },
	"fragment":         func(v string) string { return "https://click.example.net/r#" + v },
	"fragment percent": func(v string) string { return "https://click.example.net/r#u=" + url.QueryEscape(v) + "&x=1" },
	"fragment base64": func(v string) string {
		return "https://click.example.net/r#" + base64.StdEncoding.EncodeToString([]byte(v))
	},
	"fragment path": func(v string) string { return "https://click.example.net/#/go/" + url.QueryEscape(v) },
	"userinfo":      func(v string) string { return "https://" + url.QueryEscape(v) + "@click.example.net/" },
	"prefix": func(v string) string {
		return "https://click.example.net/r?u=x7" + base64.RawURLEncoding.EncodeToString([]byte(v))
	},
}

// secrets are values that hide, with what must be found of them.
var secrets = map[string][]string{
	"https://news-tracker.example/a/b?c=d&e=f":   {"url:https://news-tracker.example/a/b?c=d&e=f", "domain:news-tracker.example"},
	"http://sub.news-tracker.co.uk/":             {"url:http://sub.news-tracker.co.uk/", "domain:sub.news-tracker.co.uk"},
	"https://xn--bcher-kva.example/?q=???>>>~~~": {"url:https://xn--bcher-kva.example/?q=???%3E%3E%3E~~~", "domain:xn--bcher-kva.example"},
	"https://bücher.example/ü":                   {"url:https://xn--bcher-kva.example/%C3%BC", "domain:xn--bcher-kva.example"},
	"http://0xc0000201/x":                        {"url:http://192.0.2.1/x", "ip:192.0.2.1"},
	"mona.lee@parliament.example":                {"email:mona.lee@parliament.example", "domain:parliament.example"},
	"news-tracker.example":                       {"domain:news-tracker.example"},
	"www.news-tracker.example/p":                 {"url:http://www.news-tracker.example/p", "domain:www.news-tracker.example"},
}

// meaningless are combinations in which the value does not stand there any more: a
// separator of the place is part of the value.
func meaningless(place, secret string) bool {
	switch place {
	case "param plain", "whole query":
		return strings.Contains(secret, "&")
	case "prefix":
		return !strings.HasPrefix(secret, "http") && !strings.HasPrefix(secret, "www.")
	}
	return false
}

func missing(u string, want []string) (lost []string) {
	got := formsOf(u)
	for _, w := range want {
		kind, value, _ := strings.Cut(w, ":")
		if _, ok := got[portcullis.Observable{Type: portcullis.ObservableType(kind), Value: value}]; !ok {
			lost = append(lost, w)
		}
	}
	return lost
}

// TestFormsRecall seeds every value in every place and encoding, then inside every
// wrapper, then place within place within wrapper, and demands all of them.
func TestFormsRecall(t *testing.T) {
	seeded, failed := 0, 0
	check := func(how, u string, want []string) {
		seeded++
		if lost := missing(u, want); lost != nil {
			if failed++; failed < 30 {
				t.Errorf("%s: %s\n\tlost %q", how, u, lost)
			}
		}
	}
	for secret, want := range secrets {
		for place, hide := range hidden {
			if meaningless(place, secret) {
				continue
			}
			inner := hide(secret)
			check(place, inner, want)
			for w, wrap := range wrapped {
				check(w+" > "+place, wrap(inner), want)
			}
			for outerPlace, outer := range hidden {
				if meaningless(outerPlace, inner) {
					continue
				}
				check(outerPlace+" > "+place, outer(inner), want)
				check("safelinks > "+outerPlace+" > "+place, wrapped["safelinks"](outer(inner)), want)
			}
		}
		if !strings.HasPrefix(secret, "http") {
			continue
		}
		for w, wrap := range wrapped {
			check(w, wrap(secret), want)
			for w2, wrap2 := range wrapped {
				check(w2+" > "+w, wrap2(wrap(secret)), want)
			}
		}
	}
	t.Logf("%d of %d seeded forms found", seeded-failed, seeded)
}

func TestFormsHow(t *testing.T) {
	const host = "news-tracker.example"
	b64 := base64.RawURLEncoding.EncodeToString([]byte("https://" + host + "/?>"))
	for u, want := range map[string]string{
		"https://" + host + "/":                "link",
		"https://a.example/?r=https://" + host: `param "r"`,
		"https://a.example/?r=" + b64:          `param "r" base64url`,
		"https://a.example/x/" + hex.EncodeToString([]byte("https://"+host+"/")) + "/y":      "path hex",
		"https://a.example/x/" + b64 + "/y":                                                  "path base64url",
		wrapped["safelinks"]("https://" + host + "/"):                                        "unwrapped:safelinks",
		wrapped["urldefense v3"]("https://a.example/?u=" + url.QueryEscape("https://"+host)): `unwrapped:urldefense > param "u" percent`,
		"https://" + host + "@a.example/":                                                    "userinfo",
		"https://a.example/#" + host:                                                         "fragment",
	} {
		if got := formsOf(u)[portcullis.Observable{Type: portcullis.TypeDomain, Value: host}]; got != want {
			t.Errorf("Forms(%q): %q; want %q", u, got, want)
		}
	}
}

// TestFormsQuiet holds ordinary links: nothing may be made up from them.
func TestFormsQuiet(t *testing.T) {
	for _, u := range []string{
		"https://example.com/", "https://example.com/a/index.html?v=1.2.3&t=0123456789abcdef0123456789abcdef",
		"https://example.com/images/logo@2x.png", "https://example.com/js/app.min.js", "https://example.com/dl/tool.zip",
		"https://example.com/?token=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
		"https://example.com/ls/click?upn=u001.VNTA5dnKuUCDjPuZ6lLBiSo1Xj4ZN0Kk2l1J9nQh0jB9Ww1NRb3d-2FqHbMC0x",
	} {
		if got := formsOf(u); len(got) != 2 {
			t.Errorf("Forms(%q) = %v; want the URL and its host", u, slices.Collect(maps.Keys(got)))
		}
	}
}

func TestFormsLimits(t *testing.T) {
	for name, u := range map[string]string{
		"nested":  strings.Repeat("https://web.archive.org/web/1/", 2000) + "https://a.example/",
		"params":  "https://a.example/?" + strings.Repeat("a=https://b.example/&", 3000),
		"percent": "https://a.example/?a=" + strings.Repeat("%25", 20000),
		"base64":  "https://a.example/?a=" + strings.Repeat("aHR0cDovL2EuZXhhbXBsZS8", 2500),
		"slashes": "https://a.example" + strings.Repeat("/aaaa", 12000),
		"long":    "https://a.example/" + strings.Repeat("x", 1<<20),
		"pairs":   "https://a.example/#" + strings.Repeat("a=b.example;", 5000),
	} {
		count := 0
		Forms(u, func(Form) { count++ })
		if count == 0 || count > maxForms {
			t.Errorf("%s: %d forms", name, count)
		}
	}
	var many strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&many, "&u%d=http://h%d.example/", i, i)
	}
	if Forms("https://a.example/?"+many.String(), func(Form) {}) {
		t.Error("Forms claims to be complete past its limit")
	}
}

func FuzzForms(f *testing.F) {
	for _, hide := range hidden {
		f.Add(hide(seed))
	}
	f.Fuzz(func(t *testing.T, s string) {
		seen := map[portcullis.Observable]bool{}
		Forms(s, func(form Form) {
			o := form.Observable
			if seen[o] || form.How == "" || o.Value == "" {
				t.Fatalf("%+v of %q", form, s)
			}
			seen[o] = true
			again, err := Canonical(o.Type, o.Value)
			if len(o.Value) < MaxURL && (err != nil || again != o) {
				t.Fatalf("%+v of %q is not canonical: %+v, %v", form, s, again, err)
			}
		})
	})
}

func BenchmarkForms(b *testing.B) {
	for name, u := range map[string]string{
		"tracking":  "https://click.news.example.com/track/open.php?u=30117655&id=f7a9b1c0e2d34455667788990011aabb&e=ab12cd34ef&utm_source=newsletter&utm_medium=email&utm_campaign=weekly_2024-06-01",
		"nested":    "https://click.news.example.com/r?u=https%3A%2F%2Fwww.example.org%2Fa%3Fb%3Dc&id=30117655&utm_source=newsletter",
		"sendgrid":  "https://u1234.ct.example.net/ls/click?upn=RAvf6h4VQS9W4qw3CuWYonS1nBe9os2zOoaevKyY805sbZDa-2FCNn2ICne8JwNk9NcaJ-2FvQWib3ILVB8APV6zrA-3D-3D9M4g_nnQDIHezMEL9V6jkTf32W87O2F-2BB-2BjjMQWZ3rp4Pl5knc7KUTyk9LTze2CiumXvl11vqUob",
		"safelinks": wrapped["safelinks"](seed),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Forms(u, func(Form) {})
			}
		})
	}
}
