package response

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// The library writes no structure, without which a screen reader has to guess what is a
// heading and in which order to read. So each block is marked in the page's content
// (ISO 32000-1 §14.6), and the tree that names the marks (§14.7) is added to the finished
// file as an incremental update (§7.5.6).

// tagged is one marked piece of content; its place in the list is its number.
type tagged struct{ role string }

func (s *sheet) begin(role string) {
	tag := role
	if role == "LI" {
		tag = "LBody"
	}
	s.pdf.RawWriteStr(fmt.Sprintf("/%s <</MCID %d>> BDC", tag, len(s.marks)))
	s.marks = append(s.marks, tagged{role})
}

func (s *sheet) end() { s.pdf.RawWriteStr("EMC") }

// artifact marks what a screen reader passes over.
func (s *sheet) artifact(draw func()) {
	s.pdf.RawWriteStr("/Artifact BMC")
	draw()
	s.pdf.RawWriteStr("EMC")
}

var (
	pdfObject  = regexp.MustCompile(`(?s)(?:^|\n)(\d+) 0 obj\n(.*?)\nendobj`)
	pdfTrailer = regexp.MustCompile(`(?s)trailer\n<<\n(.*?)\n>>\nstartxref\n(\d+)\n`)
	pdfSize    = regexp.MustCompile(`/Size (\d+)`)
)

// addStructure appends the structure tree to a file of one page.
func addStructure(file []byte, marks []tagged) ([]byte, error) {
	u := update{file: file}
	page, catalog, err := u.find()
	if err != nil {
		return nil, err
	}
	root := u.size
	top := root + 1
	parents := root + 2
	u.size += 3
	var kids, leaves []string
	list := 0 // the object of the list that is open
	var items []string
	closeList := func() {
		if list != 0 {
			u.put(list, fmt.Sprintf("<</Type /StructElem /S /L /P %d 0 R /K [%s]>>", top, strings.Join(items, " ")))
			list, items = 0, nil
		}
	}
	for i, m := range marks {
		if m.role != "LI" {
			closeList()
			n := u.element(m.role, top, page.number, strconv.Itoa(i))
			kids, leaves = append(kids, ref(n)), append(leaves, ref(n))
			continue
		}
		if list == 0 {
			list = u.size
			u.size++
			kids = append(kids, ref(list))
		}
		item := u.size
		u.size++
		body := u.element("LBody", item, page.number, strconv.Itoa(i))
		u.put(item, fmt.Sprintf("<</Type /StructElem /S /LI /P %d 0 R /K [%s]>>", list, ref(body)))
		items, leaves = append(items, ref(item)), append(leaves, ref(body))
	}
	closeList()
	u.put(root, fmt.Sprintf("<</Type /StructTreeRoot /K [%d 0 R] /ParentTree %d 0 R /ParentTreeNextKey 1>>", top, parents))
	u.put(top, fmt.Sprintf("<</Type /StructElem /S /Document /P %d 0 R /K [%s]>>", root, strings.Join(kids, " ")))
	u.put(parents, fmt.Sprintf("<</Nums [0 [%s]]>>", strings.Join(leaves, " ")))
	u.put(page.number, page.with("/StructParents 0 /Tabs /S"))
	u.put(catalog.number, catalog.with(fmt.Sprintf("/MarkInfo <</Marked true>> /StructTreeRoot %d 0 R /ViewerPreferences <</DisplayDocTitle true>>", root)))
	return u.bytes(), nil
}

func ref(n int) string { return strconv.Itoa(n) + " 0 R" }

// update is an incremental update being written.
type update struct {
	file    []byte
	size    int // the next free number
	trailer string
	prev    string
	objects []object
}

type object struct {
	number int
	body   string
}

// with adds entries to an object that is a dictionary.
func (o object) with(entries string) string {
	return strings.TrimSuffix(strings.TrimSpace(o.body), ">>") + entries + ">>"
}

// find looks for the page, the catalog and the trailer.
func (u *update) find() (page, catalog object, err error) {
	for _, m := range pdfObject.FindAllSubmatch(u.file, -1) {
		number, _ := strconv.Atoi(string(m[1]))
		switch body := string(m[2]); {
		case strings.Contains(body, "/Type /Catalog"):
			catalog = object{number, body}
		case strings.Contains(body, "/Type /Page\n"):
			page = object{number, body}
		}
	}
	all := pdfTrailer.FindAllSubmatch(u.file, -1)
	if page.number == 0 || catalog.number == 0 || len(all) == 0 {
		return page, catalog, fmt.Errorf("the PDF has another form than expected, so it cannot be given a structure")
	}
	last := all[len(all)-1]
	u.trailer, u.prev = string(last[1]), string(last[2])
	size := pdfSize.FindStringSubmatch(u.trailer)
	if size == nil {
		return page, catalog, fmt.Errorf("the trailer of the PDF names no size")
	}
	u.size, err = strconv.Atoi(size[1])
	return page, catalog, err
}

func (u *update) put(number int, body string) { u.objects = append(u.objects, object{number, body}) }

func (u *update) element(role string, parent, page int, mark string) int {
	n := u.size
	u.size++
	u.put(n, fmt.Sprintf("<</Type /StructElem /S /%s /P %d 0 R /Pg %d 0 R /K %s>>", role, parent, page, mark))
	return n
}

// bytes writes the objects, their offsets, and a trailer that points to those before.
func (u *update) bytes() []byte {
	out := bytes.NewBuffer(bytes.Clone(u.file))
	var table strings.Builder
	table.WriteString("xref\n")
	for _, o := range u.objects {
		fmt.Fprintf(&table, "%d 1\n%010d 00000 n \n", o.number, out.Len())
		fmt.Fprintf(out, "%d 0 obj\n%s\nendobj\n", o.number, o.body)
	}
	start := out.Len()
	trailer := pdfSize.ReplaceAllString(u.trailer, "/Size "+strconv.Itoa(u.size))
	fmt.Fprintf(out, "%strailer\n<<\n%s\n/Prev %s\n>>\nstartxref\n%d\n%%%%EOF\n", table.String(), trailer, u.prev, start)
	return out.Bytes()
}
