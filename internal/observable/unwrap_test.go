package observable

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"testing"
)

const seed = "https://news-tracker.example/a/b?c=d&e=f-g_h~i"

// wrapped builds, per wrapper, a link around a target as the vendor does.
var wrapped = map[string]func(string) string{
	"safelinks": func(u string) string {
		return "https://eur01.safelinks.protection.outlook.com/?url=" + url.QueryEscape(u) + "&data=05%7C01%7Cx%7C0&sdata=abc%3D&reserved=0"
	},
	"safelinks gov": func(u string) string {
		return "https://gcc02.safelinks.protection.office365.us/?url=" + url.QueryEscape(u) + "&amp;data=x"
	},
	"safelinks amp": func(u string) string {
		return "https://nam02.safelinks.protection.outlook.com/GetUrlReputation?data=x&amp;url=" + url.QueryEscape(u)
	},
	"safelinks teams": func(u string) string {
		return "https://statics.teams.cdn.office.net/evergreen-assets/safelinks/1/atp-safelinks.html?url=" + url.QueryEscape(u) + "&locale=en"
	},
	"urldefense v1": func(u string) string {
		return "https://urldefense.proofpoint.com/v1/url?u=" + url.QueryEscape(u) + "&k=x%3D%3D&r=y"
	},
	"urldefense v2": func(u string) string {
		return "https://urldefense.proofpoint.com/v2/url?u=" + proofpointV2(u) + "&d=DwMFaQ&c=x&r=y&m=z&s=s&e="
	},
	"urldefense v3":     func(u string) string { return "https://urldefense.com/v3/" + proofpointV3(u, "!!Abc!xyz$") },
	"urldefense v3 gov": func(u string) string { return "https://urldefense.us/v3/" + proofpointV3(u, "!!Abc!xyz$ ") },
	"barracuda": func(u string) string {
		return "https://linkprotect.cudasvc.com/url?a=" + strings.NewReplacer("%3A", "%3a", "%2F", "%2f").Replace(url.QueryEscape(u)) + "&c=E,1,x&typo=1"
	},
	"cisco":       func(u string) string { return "https://secure-web.cisco.com/1S1h_Cy8-Q/" + url.QueryEscape(u) },
	"cisco plain": func(u string) string { return "http://secure-web.cisco.com/1S1h_Cy8-Q/" + u },
	"trendmicro": func(u string) string {
		return "https://imsva91-ctp.trendmicro.com:443/wis/clicktime/v1/query?url=" + url.QueryEscape(u) + "&umid=X&auth=y"
	},
	"sophos": func(u string) string {
		return "https://eu-west-1.protection.sophos.com/?d=news-tracker.example&u=" + url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(u))) + "&i=x&t=y&h=z"
	},
	"trellix": func(u string) string {
		return "https://protect2.fireeye.com/v1/url?k=a&q=1&e=b&u=" + url.QueryEscape(u)
	},
	"symantec":       func(u string) string { return "https://clicktime.symantec.com/15tStQ?h=x&u=" + url.QueryEscape(u) },
	"checkpoint":     func(u string) string { return "https://url.avanan.click/v2/___" + u + "___.YXAzOnh5ejphOm86MTIz" },
	"checkpoint new": func(u string) string { return "https://protect.checkpoint.com/v2/___" + u + "___.YXAzOnh5ejphOm86MTIz" },
	"bitdefender": func(u string) string {
		return "https://linkscan.io/scan/ux/" + base64.RawURLEncoding.EncodeToString([]byte(u)) + "/ABCDEF?c=1&i=1"
	},
	"vade": func(u string) string {
		return "https://antiphishing.vadesecure.com/v4?f=x&i=y&k=z&r=r&s=s&u=" + url.QueryEscape(u)
	},
	"zix": func(u string) string { return "https://link.edgepilot.com/s/0a1b2c/Xyz?u=" + url.QueryEscape(u) },
	"libraesva": func(u string) string {
		return "https://urlsand.esvalabs.com/?u=" + url.QueryEscape(u) + "&e=a&h=b&f=y&p=y"
	},
	"trustwave": func(u string) string { return "https://scanmail.trustwave.com/?c=1&d=x&s=5&u=" + url.QueryEscape(u) },
	"canit": func(u string) string {
		return "https://mail.example.org/canit/urlproxy.php?_q=" + base64.StdEncoding.EncodeToString([]byte(u)) + "&_s=x"
	},
	"google":       func(u string) string { return "https://www.google.com/url?sa=t&q=" + url.QueryEscape(u) + "&usg=x" },
	"google co.uk": func(u string) string { return "https://www.google.co.uk/url?url=" + url.QueryEscape(u) },
	"google ads": func(u string) string {
		return "https://www.googleadservices.com/pagead/aclk?sa=L&adurl=" + url.QueryEscape(u)
	},
	"googleproxy": func(u string) string { return "https://ci3.googleusercontent.com/meips/ADKq_Nb=s0-d-e1-ft#" + u },
	"youtube":     func(u string) string { return "https://www.youtube.com/redirect?event=x&q=" + url.QueryEscape(u) },
	"facebook":    func(u string) string { return "https://l.facebook.com/l.php?u=" + url.QueryEscape(u) + "&h=AT0" },
	"instagram":   func(u string) string { return "https://l.instagram.com/?u=" + url.QueryEscape(u) + "&e=x" },
	"linkedin": func(u string) string {
		return "https://www.linkedin.com/redir/redirect?url=" + url.QueryEscape(u) + "&urlhash=x"
	},
	"slack": func(u string) string { return "https://slack-redir.net/link?url=" + url.QueryEscape(u) },
	"vk":    func(u string) string { return "https://vk.com/away.php?to=" + url.QueryEscape(u) },
	"yahoo": func(u string) string {
		return "https://r.search.yahoo.com/_ylt=A/RV=2/RE=1/RO=10/RU=" + url.QueryEscape(u) + "/RK=2/RS=x-"
	},
	"bing": func(u string) string {
		return "https://www.bing.com/ck/a?!&&p=x&ptn=3&u=a1" + base64.RawURLEncoding.EncodeToString([]byte(u)) + "&ntb=1"
	},
	"duckduckgo": func(u string) string { return "https://duckduckgo.com/l/?uddg=" + url.QueryEscape(u) + "&rut=x" },
	"yandex":     func(u string) string { return "https://yandex.ru/clck/jsredir?from=x&url=" + url.QueryEscape(u) },
	"steam":      func(u string) string { return "https://steamcommunity.com/linkfilter/?u=" + url.QueryEscape(u) },
	"reddit":     func(u string) string { return "https://out.reddit.com/t3_x?url=" + url.QueryEscape(u) + "&token=x" },
	"tumblr":     func(u string) string { return "https://t.umblr.com/redirect?z=" + url.QueryEscape(u) + "&t=x" },
	"deviantart": func(u string) string { return "https://www.deviantart.com/users/outgoing?" + u },
	"webarchive": func(u string) string { return "https://web.archive.org/web/20240101000000/" + u },
	"hornetsecurity": func(u string) string {
		return "https://atpscan.global.hornetsecurity.com/index.php?url=" + url.QueryEscape(u)
	},
	"kaspersky": func(u string) string { return "https://click.kaspersky.com/?hl=en&link=" + url.QueryEscape(u) },
}

func proofpointV2(u string) string {
	u = url.QueryEscape(u)
	u = strings.NewReplacer("-", "-2D", "_", "-5F", "%2F", "_", "%", "-").Replace(u)
	return u
}

// proofpointV3 takes out what the vendor takes out: all but letters, digits and a few signs,
// runs of two and more with their length.
func proofpointV3(u, tail string) string {
	var out, taken strings.Builder
	var run []rune
	flush := func() {
		for len(run) > 0 {
			n := min(len(run), 65)
			if n == 1 {
				out.WriteByte('*')
			} else {
				out.WriteString("**" + runLengths[n-2:n-1])
			}
			taken.WriteString(string(run[:n]))
			run = run[n:]
		}
	}
	for _, r := range u {
		if r < 0x80 && (alnum(byte(r)) || strings.ContainsRune(":/.?=-_~", r)) {
			flush()
			out.WriteRune(r)
			continue
		}
		run = append(run, r)
	}
	flush()
	return "__" + out.String() + "__;" + base64.RawURLEncoding.EncodeToString([]byte(taken.String())) + tail
}

func TestUnwrap(t *testing.T) {
	want, _, _ := URL(seed)
	for name, wrap := range wrapped {
		target, wrapper, ok := Unwrap(wrap(seed))
		got, _, err := URL(target)
		if !ok || err != nil || got != want || wrapper == "" {
			t.Errorf("%s: Unwrap(%q) = %q, %q, %v", name, wrap(seed), target, wrapper, ok)
		}
	}
}

func TestUnwrapKnown(t *testing.T) {
	for in, want := range map[string]string{
		"https://protect-eu.mimecast.com/s/AbCdEfGh?domain=news-tracker.example":                    "news-tracker.example",
		"https://url.uk.m.mimecastprotect.com/s/AbC?domain=news-tracker.example":                    "news-tracker.example",
		"https://shared.outlook.inky.com/link?domain=news-tracker.example&t=x":                      "news-tracker.example",
		"https://urldefense.com/v3/__https://example.com/a*b__;Iw!!x!y$":                            "https://example.com/a#b",
		"https://urldefense.com/v3/__https://example.com/**Ab__;w7zDpA!!x!y$":                       "https://example.com/üäb",
		"https://urldefense.com/v3/__https:/example.com/a__;!!x!y$":                                 "https://example.com/a",
		"https://urldefense.com/v3/__https://example.com/a*b__;!!x!y$":                              "https://example.com/a*b",
		"https://urldefense.proofpoint.com/v2/url?u=http-3A__www.example.com_a-3Fb-3Dc&d=x":         "http://www.example.com/a?b=c",
		"https://news--tracker-example.translate.goog/p?q=1":                                        "https://news-tracker.example/p?q=1",
		"https://cdn.ampproject.org/c/s/news-tracker.example/p":                                     "https://news-tracker.example/p",
		"https://www.google.com/amp/s/news-tracker.example/p":                                       "https://news-tracker.example/p",
		"https://secure-web.cisco.com/1S1h/http%3A%2F%2Fexample.com%2Fa":                            "http://example.com/a",
		"https://nam02.safelinks.protection.outlook.com/?url=https%253A%252F%252Fexample.com%252Fa": "https://example.com/a",
		"https://l.facebook.com/l.php?u=example.com%2Fa":                                            "example.com/a",
	} {
		if got, _, ok := Unwrap(in); !ok || got != want {
			t.Errorf("Unwrap(%q) = %q, %v; want %q", in, got, ok, want)
		}
	}
	for _, in := range []string{"https://example.com/?url=https://a.example/", "https://www.google.com/search?q=example.com", "x", "//A/canit/urlproxy.php",
		"https://www.facebook.com/story?u=https://a.example", "https://protect-eu.mimecast.com/s/Ab", "https://urldefense.com/v3/x",
		"https://notsafelinks.protection.outlook.com.evil.example/?url=https://a.example"} {
		if got, w, ok := Unwrap(in); ok {
			t.Errorf("Unwrap(%q) = %q by %s; want nothing", in, got, w)
		}
	}
}

func TestUnwrapAll(t *testing.T) {
	got, chain := UnwrapAll(wrapped["safelinks"](wrapped["urldefense v3"](wrapped["bing"](seed))))
	if got != seed || !slices.Equal(chain, []string{"safelinks", "urldefense", "bing"}) {
		t.Errorf("%q %q", got, chain)
	}
	deep := seed
	for range 8 {
		deep = "https://web.archive.org/web/1/" + deep
	}
	if got, chain := UnwrapAll(deep); got != seed || len(chain) != 8 {
		t.Errorf("%q %q", got, chain)
	}
}

// checkResolve compares Resolve with the two steps it makes one.
func checkResolve(t *testing.T, u string) {
	t.Helper()
	target, chain := UnwrapAll(u)
	want, wantErr := ParseURL(target)
	got, gotChain, err := Resolve(u)
	if got != want || !slices.Equal(chain, gotChain) || (err == nil) != (wantErr == nil) {
		t.Fatalf("%q: %+v %v %v, want %+v %v %v", u, got, gotChain, err, want, chain, wantErr)
	}
}

func TestResolve(t *testing.T) {
	for _, wrap := range wrapped {
		checkResolve(t, wrap(seed))
		checkResolve(t, wrap(wrap(seed)))
		checkResolve(t, wrap("no link"))
	}
	for _, u := range []string{seed, "", "mailto:a@x.example", "//x.example/a", "x", "https://"} {
		checkResolve(t, u)
	}
}

func FuzzUnwrap(f *testing.F) {
	for _, wrap := range wrapped {
		f.Add(wrap(seed))
	}
	f.Fuzz(func(t *testing.T, s string) {
		target, name, ok := Unwrap(s)
		if ok != (target != "") || ok != (name != "") || len(target) > 2*len(s)+8 {
			t.Fatalf("Unwrap(%q) = %q, %q, %v", s, target, name, ok)
		}
		checkResolve(t, s)
		if _, chain := UnwrapAll(s); len(chain) > maxLayers {
			t.Fatal(chain)
		}
	})
}
