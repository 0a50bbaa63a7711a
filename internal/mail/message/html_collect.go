package message

import (
	"strings"

	"golang.org/x/net/html/atom"
)

// collect notes what an element links to, fetches or runs.
func (s *htmlScan) collect(e *element, start, end int) {
	s.handlers(e, start, end)
	if css := s.attr("style"); css != "" {
		if hasEscape(css) {
			css = cssUnescape(css)
		}
		s.cssURLs("css-background", css, e, func(int, int) (int, int) { return start, end })
	}
	if bg := s.attr("background"); bg != "" {
		s.remote("css-background", bg, e, start, end)
	}
	switch e.tag {
	case atom.A, atom.Area:
		s.anchor(e, start, end)
	case atom.Img, atom.Image:
		s.image(e, start, end)
	case atom.Base:
		if href := cleanURL(s.attr("href"), ""); s.base == "" && !s.conditional {
			s.base = href
		}
	case atom.Link:
		s.linkElement(e, start, end)
	case atom.Meta:
		s.meta(start, end)
	case atom.Form:
		s.formElement(start, end)
	case atom.Input, atom.Button, atom.Select, atom.Textarea:
		s.field(e, start, end)
	case atom.Script:
		s.remote("script", s.attr("src"), e, start, end)
	case atom.Iframe, atom.Frame:
		s.remote("iframe", s.attr("src"), e, start, end)
	case atom.Embed:
		s.remote("object", s.attr("src"), e, start, end)
	case atom.Object:
		s.remote("object", s.attr("data"), e, start, end)
	case atom.Video, atom.Audio, atom.Source, atom.Track, atom.Bgsound:
		s.media(e, start, end)
	case 0:
		s.vml(e, start, end)
	}
}

// handlers notes attributes that run code, code in place of a URL, and what is loose.
func (s *htmlScan) handlers(e *element, start, end int) {
	for i := range s.attrs {
		a := &s.attrs[i]
		switch {
		case len(a.key) > 3 && a.key[:2] == "on":
			s.script("event-handler", a.value(), start, end)
		case a.key == "href" || a.key == "src" || a.key == "action" || a.key == "formaction" || a.key == "xlink:href":
			if !mayRun(a.value()) {
				break
			}
			if url := cleanURL(a.value(), ""); hasScheme(url, "javascript:") || hasScheme(url, "vbscript:") || hasScheme(url, "data:text/html") {
				s.script("javascript-url", url, start, end)
			}
		case a.key == "style" || a.key == "class" || len(a.val) < len("//a.example"):
			continue
		case !hasUse(a.key):
			s.loose(a.val, start, end)
			continue
		}
		if e.tag == 0 { // <amp-img src>: elements nobody knows here
			s.loose(a.val, start, end)
		}
	}
}

// hasUse tells the attributes whose URLs are read where their element is.
func hasUse(key string) bool {
	switch key {
	case "srcset", "background", "poster", "data", "lowsrc", "dynsrc":
		return true
	}
	return strings.HasPrefix(key, "xmlns")
}

func (s *htmlScan) loose(text string, start, end int) {
	if !strings.Contains(text, "//") && !strings.Contains(text, "www.") && !strings.Contains(text, "#47;") && !strings.Contains(text, "#x2") || len(s.out.Loose) >= maxItems {
		return
	}
	s.out.Loose = append(s.out.Loose, Loose{Text: cutText(decodeAttr(text), 64<<10), Start: start, End: end})
}

// mayRun looks at the first letter only: of javascript:, vbscript: or data:.
func mayRun(url string) bool {
	for i := 0; i < len(url); i++ {
		if c := url[i]; c > ' ' {
			c |= 0x20
			return c == 'j' || c == 'v' || c == 'd'
		}
	}
	return false
}

func (s *htmlScan) script(kind, code string, start, end int) {
	if strings.TrimSpace(code) == "" || len(s.out.Scripts) >= maxItems {
		return
	}
	s.out.Scripts = append(s.out.Scripts, Script{Kind: kind, Code: cutText(code, 64<<10), Start: start, End: end})
}

func (s *htmlScan) remote(kind, url string, e *element, start, end int) {
	if url = cleanURL(url, s.base); !isRemote(url) || len(s.out.Remote) >= maxItems {
		return
	}
	w, h := s.size(e)
	s.out.Remote = append(s.out.Remote, Remote{
		URL: url, Kind: kind, Width: w, Height: h,
		Hidden: e.style.gone() || w >= 0 && h >= 0 && w <= 2 && h <= 2 || w == 0 || h == 0,
		Start:  start, End: end, Conditional: s.conditional,
	})
}

// size is what style or attributes state; the style wins, as in browsers.
func (s *htmlScan) size(e *element) (width, height int) {
	width, height = e.style.width, e.style.height
	if width < 0 {
		width = pixels(s.attr("width"))
	}
	if height < 0 {
		height = pixels(s.attr("height"))
	}
	return width, height
}

func (s *htmlScan) addLink(kind, url string, e *element, start, end int) bool {
	url = cleanURL(url, s.base)
	if url == "" || url[0] == '#' || len(s.out.Links) >= maxItems {
		return false
	}
	s.out.Links = append(s.out.Links, Link{
		URL: url, Kind: kind, Hidden: e != nil && e.style.gone(), Conditional: s.conditional, Start: start, End: end,
	})
	return true
}

func (s *htmlScan) anchor(e *element, start, end int) {
	href := s.attr("href")
	if href == "" {
		href = s.attr("xlink:href")
	}
	if e.tag == atom.Area {
		if s.addLink("area", href, e, start, end) {
			s.out.Links[len(s.out.Links)-1].ImageOnly = true
		}
		return
	}
	s.closeLink() // links do not nest
	if s.addLink("a", href, e, start, end) {
		s.link = len(s.out.Links) - 1
		s.linkText, s.linkHidden, s.linkImage = s.visible.Len(), s.hidden.Len(), false
	}
}

// closeLink gives the open link the text that was read since it began.
func (s *htmlScan) closeLink() {
	if s.link < 0 {
		return
	}
	l := &s.out.Links[s.link]
	s.link = -1
	if l.Text = s.visible.since(s.linkText); l.Text == "" {
		if hidden := s.hidden.since(s.linkHidden); hidden != "" && !s.linkImage {
			l.Text, l.Hidden = hidden, true
		}
	}
	l.ImageOnly = s.linkImage && l.Text == ""
}

func (s *htmlScan) image(e *element, start, end int) {
	s.linkImage = true
	s.remote("image", s.attr("src"), e, start, end)
	s.remote("image", s.attr("lowsrc"), e, start, end)
	s.remote("image", s.attr("dynsrc"), e, start, end)
	s.srcset(s.attr("srcset"), e, start, end)
	if e.tag == atom.Image { // SVG
		s.remote("image", s.attr("href"), e, start, end)
		s.remote("image", s.attr("xlink:href"), e, start, end)
	}
}

// srcset splits "a.png 1x, b.png 2x". A comma inside a URL ends no candidate
// unless a space follows it.
func (s *htmlScan) srcset(set string, e *element, start, end int) {
	for set != "" {
		set = strings.TrimLeft(set, " \t\r\n,")
		i := strings.IndexAny(set, " \t\r\n")
		if i < 0 {
			i = len(set)
		}
		url := strings.TrimRight(set[:i], ",")
		s.remote("srcset", url, e, start, end)
		set = set[i:]
		if len(url) == i {
			if j := strings.IndexByte(set, ','); j >= 0 {
				set = set[j+1:]
			} else {
				return
			}
		}
	}
}

// linkElement reads <link>: which rel values make a program fetch is HTML §4.6.7.
func (s *htmlScan) linkElement(e *element, start, end int) {
	kind := ""
	for _, rel := range strings.Fields(strings.ToLower(s.attr("rel"))) {
		switch rel {
		case "stylesheet":
			kind = "stylesheet"
		case "prefetch", "preload", "prerender", "dns-prefetch", "preconnect", "modulepreload":
			kind = "prefetch"
		case "icon", "apple-touch-icon", "mask-icon":
			kind = "icon"
		}
		if kind != "" {
			s.remote(kind, s.attr("href"), e, start, end)
			return
		}
	}
}

func (s *htmlScan) meta(start, end int) {
	if !strings.EqualFold(s.attr("http-equiv"), "refresh") {
		return
	}
	content := s.attr("content")
	i := strings.Index(strings.ToLower(content), "url")
	if i < 0 {
		return
	}
	if eq := strings.IndexByte(content[i:], '='); eq >= 0 {
		url := strings.Trim(content[i+eq+1:], " \t\"'")
		s.addLink("refresh", url, nil, start, end)
	}
}

func (s *htmlScan) formElement(start, end int) {
	if s.conditional || len(s.out.Forms) >= maxItems {
		return
	}
	method := strings.ToLower(strings.TrimSpace(s.attr("method")))
	if method == "" {
		method = "get"
	}
	s.out.Forms = append(s.out.Forms, Form{Action: cleanURL(s.attr("action"), s.base), Method: method, Start: start, End: end})
	s.form = len(s.out.Forms) - 1
}

// field notes an input. Fields outside any form still ask for something: they
// get a form without action.
func (s *htmlScan) field(e *element, start, end int) {
	kind := strings.ToLower(s.attr("type"))
	if e.tag == atom.Input && kind == "image" {
		s.remote("image", s.attr("src"), e, start, end)
	}
	if s.conditional {
		return
	}
	if s.form < 0 {
		if e.tag == atom.Button || kind == "hidden" || len(s.out.Forms) >= maxItems {
			return
		}
		s.out.Forms = append(s.out.Forms, Form{Start: start, End: end})
		s.form = len(s.out.Forms) - 1
	}
	f := &s.out.Forms[s.form]
	if name := s.attr("name"); name != "" && len(f.Inputs) < maxItems {
		f.Inputs = append(f.Inputs, name)
	}
	if kind == "password" {
		f.Password = true
	}
	if to := cleanURL(s.attr("formaction"), s.base); to != "" && f.Action == "" {
		f.Action = to
	}
}

func (s *htmlScan) media(e *element, start, end int) {
	s.remote("media", s.attr("src"), e, start, end)
	s.remote("poster", s.attr("poster"), e, start, end)
	s.srcset(s.attr("srcset"), e, start, end)
}

// vml reads the elements Outlook draws with (v:fill, v:imagedata, v:roundrect
// as a button), and those of SVG.
func (s *htmlScan) vml(e *element, start, end int) {
	switch e.name {
	case "v:fill", "v:image", "v:imagedata", "v:stroke":
		s.remote("image", s.attr("src"), e, start, end)
		s.remote("image", s.attr("o:href"), e, start, end)
	case "v:roundrect", "v:rect", "v:oval", "v:shape":
		s.addLink("vml", s.attr("href"), e, start, end)
	case "feimage", "use":
		s.remote("image", s.attr("href"), e, start, end)
		s.remote("image", s.attr("xlink:href"), e, start, end)
	}
}
