package campaigns

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/testenv"
)

func obs(t portcullis.ObservableType, v string) portcullis.Observable {
	return portcullis.Observable{Type: t, Value: v}
}

func TestWarninglists(t *testing.T) {
	lists, problems, err := LoadWarninglists(fstest.MapFS{
		"a/list.json":  {Data: []byte(`{"name":"Hosts","type":"hostname","matching_attributes":["domain","hostname","url"],"version":3,"list":[".wide.example","Narrow.example"]}`)},
		"b.json":       {Data: []byte(`{"name":"Exact","type":"string","matching_attributes":["domain"],"version":"x","list":["only.example"]}`)},
		"c.json":       {Data: []byte(`{"name":"Nets","type":"cidr","matching_attributes":["ip-src"],"list":["192.0.2.0/24","2001:db8::/32","203.0.113.7","no net"]}`)},
		"d.json":       {Data: []byte(`{"name":"Pieces","type":"substring","matching_attributes":["domain"],"list":["piece","xx"]}`)},
		"e.json":       {Data: []byte(`{"name":"Patterns","type":"regex","matching_attributes":["email-src"],"list":["/^abuse@/i","(?=look)", ".*"]}`)},
		"f.json":       {Data: []byte(`{"name":"New","type":"fuzzy","list":["a"]}`)},
		"g.json":       {Data: []byte(`{"name":"Phones","type":"string","matching_attributes":["phone-number"],"list":["1"]}`)},
		"ignored.text": {Data: []byte("no list")},
	})
	must(t, err)
	var told []string
	for _, p := range problems {
		told = append(told, p.Error())
	}
	for _, want := range []string{"c.json: 1 of 4", "d.json: 1 of 2", "e.json: 2 of 3", `f.json: type "fuzzy"`} {
		if !strings.Contains(strings.Join(told, "\n"), want) {
			t.Errorf("problems lack %q: %v", want, told)
		}
	}
	for _, c := range []struct {
		o    portcullis.Observable
		want string
	}{
		{dom("wide.example"), "Hosts"}, {dom("a.b.wide.example"), "Hosts"}, {dom("narrow.example"), "Hosts"}, {dom("ide.example"), ""}, {dom("awide.example"), ""},
		{obs(portcullis.TypeURL, "https://a.wide.example/"), "Hosts"}, {obs(portcullis.TypeURL, "https://a.wide.example/own/path"), ""}, {obs(portcullis.TypeURL, "https://a.wide.example?x=1"), ""},
		{dom("only.example"), "Exact"}, {dom("sub.only.example"), ""}, {obs(portcullis.TypeEmail, "only.example"), ""},
		{obs(portcullis.TypeIP, "192.0.2.9"), "Nets"}, {obs(portcullis.TypeIP, "192.0.3.9"), ""}, {obs(portcullis.TypeIP, "2001:db8:1::1"), "Nets"}, {obs(portcullis.TypeIP, "203.0.113.7"), "Nets"}, {obs(portcullis.TypeIP, "203.0.113.8"), ""},
		{dom("a-piece.example"), "Pieces"}, {obs(portcullis.TypeEmail, "abuse@x.example"), "Patterns"}, {obs(portcullis.TypeEmail, "jo@x.example"), ""},
	} {
		if got := lists.Match(c.o); got != c.want {
			t.Errorf("%s is on %q, want %q", c.o, got, c.want)
		}
	}
	if both := OwnLists().Merge(lists); both.Match(dom("gmail.com")) == "" || both.Match(dom("a.wide.example")) != "Hosts" || both.Match(obs(portcullis.TypeIP, "192.0.2.9")) != "Nets" {
		t.Error("merged lists have lost something")
	}
	if _, _, err := LoadWarninglists(fstest.MapFS{"x.json": {Data: []byte(`[1`)}}); err == nil || !strings.Contains(err.Error(), "x.json") {
		t.Errorf("a file that is no list: %v", err)
	}
}

func TestOwnLists(t *testing.T) {
	_, problems, err := LoadWarninglists(ownLists)
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	for _, o := range []portcullis.Observable{dom("gmail.com"), dom("bit.ly"), dom("pages.dev"), dom("u1.ct.sendgrid.net"), dom("www.w3.org"), obs(portcullis.TypeIP, "10.1.2.3"), obs(portcullis.TypeCIDR, "10.0.0.0/8"), obs(portcullis.TypeCIDR, "10.9.0.0/16")} {
		if OwnLists().Match(o) == "" {
			t.Errorf("%s is on no list", o)
		}
	}
	for _, o := range []portcullis.Observable{dom("somebody.pages.dev"), obs(portcullis.TypeURL, "https://bit.ly/3xYz"), obs(portcullis.TypeEmail, "jo@gmail.com"), obs(portcullis.TypeIP, "192.0.2.1"), obs(portcullis.TypeCIDR, "192.0.2.0/24"), obs(portcullis.TypeCIDR, "no network")} {
		if list := OwnLists().Match(o); list != "" {
			t.Errorf("%s tells something and is on %s", o, list)
		}
	}
}

// TestPublicLists reads the lists of the MISP project as they are.
func TestPublicLists(t *testing.T) {
	lists, problems, err := LoadWarninglists(os.DirFS(testenv.Data(t, "intel", "warninglists")))
	must(t, err)
	entries, n := lists.Entries()
	t.Logf("%d entries of %d lists, %d problems: %v", entries, n, len(problems), problems)
	if n < 110 || entries < 70_000 || len(problems) > 0 {
		t.Errorf("%d entries of %d lists, %d problems", entries, n, len(problems))
	}
	for _, o := range []portcullis.Observable{dom("google.com"), dom("tinyurl.com"), obs(portcullis.TypeIP, "104.16.1.1"), obs(portcullis.TypeIP, "2606:4700::1")} {
		if lists.Match(o) == "" {
			t.Errorf("%s is on no list", o)
		}
	}
}

func FuzzWarninglist(f *testing.F) {
	f.Add([]byte(`{"name":"Nets","type":"cidr","list":["192.0.2.0/24"]}`), "192.0.2.1")
	f.Add([]byte(`{"name":"P","type":"regex","list":["/a+/"]}`), "aaa.example")
	f.Fuzz(func(t *testing.T, raw []byte, value string) {
		lists, _, err := LoadWarninglists(fstest.MapFS{"x.json": {Data: raw}})
		if err != nil {
			return
		}
		for _, typ := range []portcullis.ObservableType{portcullis.TypeDomain, portcullis.TypeIP, portcullis.TypeCIDR, portcullis.TypeURL} {
			lists.Match(obs(typ, value))
			lists.Match(obs(typ, ""))
		}
	})
}
