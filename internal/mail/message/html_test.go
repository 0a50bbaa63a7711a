package message

import (
	"fmt"
	"strings"
	"testing"
)

func TestVisibleAndHidden(t *testing.T) {
	for in, want := range map[string]string{
		"a <b>b</b>&nbsp; c":                 "a b c|",
		"<p>a<p>b":                           "a\nb|",
		`<div style="display:none">x</div>y`: "y|x",
		`<div style="DISPLAY : NONE !important">x</div>y`:                                                       "y|x",
		`<div style="display:/**/none">x</div>y`:                                                                "y|x",
		`<div style="d\69splay:none">x</div>y`:                                                                  "y|x",
		`<span style="font-size:0">x</span>y`:                                                                   "y|x",
		`<span style="font-size:1px">x<b style="font-size:12px">z</b></span>y`:                                  "zy|x",
		`<span style="visibility:hidden">x</span>y`:                                                             "y|x",
		`<span style="opacity:0">x</span>y`:                                                                     "y|x",
		`<div style="max-height:0;overflow:hidden">x</div>y`:                                                    "y|x",
		`<div style="position:absolute;left:-9999px">x</div>y`:                                                  "y|x",
		`<div style="text-indent:-9999px">x</div>y`:                                                             "y|x",
		`<font color="#ffffff">x</font>y`:                                                                       "y|x",
		`<table bgcolor=black><td><font color=white>x</font></td></table>`:                                      "x|",
		`<table bgcolor=black><td><font color=#000>x</font></td></table>y`:                                      "y|x",
		`<div hidden>x</div>y`:                                                                                  "y|x",
		`<style>.h{display:none}#i{visibility:hidden}</style><p class="a h">x</p><p id=i>z</p>y`:                "y|x\nz",
		`<style>@media (max-width:600px){.h{display:none}}</style><p class=h>x`:                                 "x|",
		`<style>@media screen{.h{display:none}}</style><p class=h>x`:                                            "|x",
		`<style>.a .b{background:#000}</style><div class=a><div class=b><font color=white>x</font></div></div>`: "x|",
		`<div style="display:none"><p>a</div>b`:                                                                 "b|a",
		`<td style="display:none">a<td>b`:                                                                       "b|a",
		`<script>x</script><style>y</style><!-- z -->a`:                                                         "a|",
		`<title>T</title>a`: "a|",
		`<div style="display:none" style="display:block">x</div>y`: "y|x",
	} {
		h := ScanHTML(in, Limits{})
		if got := h.Text + "|" + h.Hidden; got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

func TestRemote(t *testing.T) {
	const u = "http://x.example/"
	for in, want := range map[string]string{
		`<img src="http://x.example/" width=1 height=1>`:                      "image 1x1 hidden",
		`<img src="http://x.example/" style="width:2px;height:2px">`:          "image 2x2 hidden",
		`<img src="http://x.example/" width=600 height=20>`:                   "image 600x20",
		`<img src=" http://x.example/` + "\n" + `">`:                          "image -1x-1",
		`<img src="http:\\x.example\">`:                                       "image -1x-1",
		`<img src="//x.example/">`:                                            "image -1x-1 https",
		`<base href="http://x.example/a/"><img src="../">`:                    "image -1x-1",
		`<img srcset="http://x.example/ 2x">`:                                 "srcset -1x-1",
		`<div style="background:url('http://x.example/')">`:                   "css-background -1x-1",
		`<div style="background:u\72l(http://x.example/)">`:                   "css-background -1x-1",
		`<td background="http://x.example/">`:                                 "css-background -1x-1",
		`<style>a{list-style:url(http://x.example/)}</style>`:                 "css-background -1x-1",
		`<style>@import "http://x.example/";</style>`:                         "import -1x-1",
		`<style>@import url(http://x.example/);</style>`:                      "import -1x-1",
		`<style>@font-face{font-family:a;src:url(http://x.example/)}</style>`: "font -1x-1",
		`<style>@media print{a{background:url(http://x.example/)}}</style>`:   "css-background -1x-1",
		`<div style="background:image-set('http://x.example/' 1x)">`:          "css-background -1x-1",
		`<link rel="dns-prefetch" href="http://x.example/">`:                  "prefetch -1x-1",
		`<link rel=stylesheet href="http://x.example/">`:                      "stylesheet -1x-1",
		`<iframe src="http://x.example/"></iframe>`:                           "iframe -1x-1",
		`<object data="http://x.example/">`:                                   "object -1x-1",
		`<video poster="http://x.example/">`:                                  "poster -1x-1",
		`<input type=image src="http://x.example/">`:                          "image -1x-1",
		`<script src="http://x.example/"></script>`:                           "script -1x-1",
		`<noscript><img src="http://x.example/"></noscript>`:                  "image -1x-1",
		`<!--[if mso]><v:fill src="http://x.example/"/><![endif]-->`:          "image -1x-1 conditional",
		`<div style="display:none"><img src="http://x.example/"></div>`:       "image -1x-1 hidden",
		`<svg><image xlink:href="http://x.example/"/></svg>`:                  "image -1x-1",
		`<img src="data:image/png;base64,AA">`:                                "",
		`<img src="cid:a@x.example">`:                                         "",
		`<img src="a.png">`:                                                   "",
	} {
		got := ""
		for _, r := range ScanHTML(in, Limits{}).Remote {
			got += fmt.Sprintf("%s %dx%d", r.Kind, r.Width, r.Height)
			for flag, on := range map[string]bool{" hidden": r.Hidden, " conditional": r.Conditional} {
				if on {
					got += flag
				}
			}
			if r.URL != u {
				got += strings.TrimSuffix(" "+r.URL, "://x.example/")
			}
			if in[r.Start] != '<' && !strings.HasPrefix(in[r.Start:], "url(") && !strings.HasPrefix(in[r.Start:], "@import") {
				t.Errorf("%s: offsets point to %q", in, in[r.Start:r.End])
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

func TestLinks(t *testing.T) {
	for in, want := range map[string]string{
		`<a href="http://x.example/?a=1&amp;b=2">go <b>there</b></a>`:                   "a http://x.example/?a=1&b=2 [go there]",
		`<a href="HTTP://X.example"><img src=a></a>`:                                    "a http://X.example [] image",
		`<a href="java` + "\n" + `script:x()">y</a>`:                                    "a javascript:x() [y]",
		`<div style="display:none"><a href="http://x.example/">y</a></div>`:             "a http://x.example/ [y] hidden",
		`<map><area href="http://x.example/"></map>`:                                    "area http://x.example/ [] image",
		`<meta http-equiv=refresh content="0; url='http://x.example/'">`:                "refresh http://x.example/ []",
		`<!--[if mso]><v:roundrect href="http://x.example/"></v:roundrect><![endif]-->`: "vml http://x.example/ [] conditional",
		`<a href="#top">up</a>`:                                                         "",
		`<a href="http://x.example/">a<a href="http://y.example/">b`:                    "a http://x.example/ [a] a http://y.example/ [b]",
		`<base href="http://x.example/d/"><a href="p?q">a</a>`:                          "a http://x.example/d/p?q [a]",
	} {
		var got []string
		for _, l := range ScanHTML(in, Limits{}).Links {
			s := fmt.Sprintf("%s %s [%s]", l.Kind, l.URL, l.Text)
			for flag, on := range map[string]bool{" hidden": l.Hidden, " conditional": l.Conditional, " image": l.ImageOnly} {
				if on {
					s += flag
				}
			}
			got = append(got, s)
			if in[l.Start] != '<' || in[l.End-1] != '>' {
				t.Errorf("%s: offsets point to %q", in, in[l.Start:l.End])
			}
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: %q, want %q", in, s, want)
		}
	}
}

func TestFormsAndScripts(t *testing.T) {
	h := ScanHTML(`<title>Sign in</title><form action="http://x.example/p" method=POST><input name=user><input type=password name=pass></form>
<script>alert(1)</script><p onclick="go()">x</p><a href="javascript:z()">y</a>`, Limits{})
	if len(h.Forms) != 1 {
		t.Fatalf("forms %+v", h.Forms)
	}
	if f := h.Forms[0]; f.Action != "http://x.example/p" || f.Method != "post" || !f.Password || strings.Join(f.Inputs, ",") != "user,pass" {
		t.Errorf("form %+v", f)
	}
	var kinds []string
	for _, s := range h.Scripts {
		kinds = append(kinds, s.Kind+":"+s.Code)
	}
	if got := strings.Join(kinds, " "); got != "script:alert(1) event-handler:go() javascript-url:javascript:z()" {
		t.Errorf("scripts %s", got)
	}
	if h.Title != "Sign in" {
		t.Errorf("title %q", h.Title)
	}
}
