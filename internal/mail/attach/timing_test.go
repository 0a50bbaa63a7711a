package attach

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math/rand/v2"
	"strings"
	"testing"
)

// noise makes text that compresses about as well as prose.
func noise(r *rand.Rand, n int) string {
	var b strings.Builder
	for b.Len() < n {
		fmt.Fprintf(&b, "%x ", r.Uint32()>>r.IntN(24))
	}
	return b.String()
}

func benchmark(b *testing.B, name string, data []byte) {
	b.Helper()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		Inspect(name, "", data, NewBudget(DefaultLimits()))
	}
}

// BenchmarkDOCX is a document of some 200 KB, most of it text.
func BenchmarkDOCX(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	var body strings.Builder
	for range 600 {
		body.WriteString(para(noise(r, 500)))
	}
	data := docx(b, body.String(), file{"word/_rels/document.xml.rels", rels(external("hyperlink", "https://www.example.org/"))})
	b.Logf("%d bytes", len(data))
	benchmark(b, "a.docx", data)
}

// BenchmarkPDF is a document of some 200 KB: pages of text, a font map, links.
func BenchmarkPDF(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	objects := []string{catalog, pageTree}
	for range 40 {
		var text strings.Builder
		text.WriteString("BT /F1 11 Tf ")
		for range 60 {
			fmt.Fprintf(&text, "0 -13 Td (%s) Tj ", noise(r, 120))
		}
		n := len(objects) + 1
		objects = append(objects, page1(fmt.Sprintf("/Contents %d 0 R /Resources << /Font << /F1 << /Subtype /Type1 >> >> >> /Annots [<< /A << /S /URI /URI (https://a.example/%d) >> >>]", n+1, n)),
			pdfStream("", text.String()+"ET"))
	}
	data := pdfOf(objects...)
	b.Logf("%d bytes", len(data))
	benchmark(b, "a.pdf", data)
}

// BenchmarkLogo is what the search for codes costs in an ordinary logo.
func BenchmarkLogo(b *testing.B) {
	img := image.NewNRGBA(image.Rect(0, 0, 200, 80))
	draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
	for i := range 12 {
		draw.Draw(img, image.Rect(10+i*15, 20, 20+i*15, 20+i*4), image.NewUniform(color.NRGBA{uint8(20 * i), 40, 90, 255}), image.Point{}, draw.Src)
	}
	benchmark(b, "a.png", pngOf(img))
}

// BenchmarkPhoto is a picture of a megapixel without a code.
func BenchmarkPhoto(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	img := image.NewNRGBA(image.Rect(0, 0, 1200, 900))
	for y := range 900 {
		for x := range 1200 {
			v := uint8(128 + (x*y/4000)%90 + r.IntN(20))
			img.SetNRGBA(x, y, color.NRGBA{v, v / 2, 255 - v, 255})
		}
	}
	benchmark(b, "a.jpg", jpegOf(img, 80))
}

// BenchmarkCode is a picture with a code in it.
func BenchmarkCode(b *testing.B) {
	benchmark(b, "a.png", pngOf(codeOf(b, "https://a.example/some/path?x=1", 6, 4, black, white)))
}

// BenchmarkSearch is the search alone, decoding of the file left out.
func BenchmarkSearch(b *testing.B) {
	g := toGray(scene(rand.New(rand.NewPCG(1, 2)), image.NewNRGBA(image.Rect(0, 0, 1, 1)), 800, 800))
	for b.Loop() {
		findQR(g)
	}
}
