package attach

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"github.com/makiuchi-d/gozxing/qrcode/decoder"
	"golang.org/x/image/bmp"
)

// codeOf draws a code with the given pixels per module and margin in modules.
func codeOf(t testing.TB, text string, module, margin int, dark, light color.Color) *image.NRGBA {
	t.Helper()
	cells := cellsOf(t, text)
	n := len(cells)
	img := image.NewNRGBA(image.Rect(0, 0, (n+2*margin)*module, (n+2*margin)*module))
	draw.Draw(img, img.Bounds(), image.NewUniform(light), image.Point{}, draw.Src)
	for y, row := range cells {
		for x, set := range row {
			if set {
				r := image.Rect((x+margin)*module, (y+margin)*module, (x+margin+1)*module, (y+margin+1)*module)
				draw.Draw(img, r, image.NewUniform(dark), image.Point{}, draw.Src)
			}
		}
	}
	return img
}

func cellsOf(t testing.TB, text string) [][]bool {
	t.Helper()
	hints := map[gozxing.EncodeHintType]any{gozxing.EncodeHintType_MARGIN: 0, gozxing.EncodeHintType_ERROR_CORRECTION: decoder.ErrorCorrectionLevel_M}
	m, err := qrcode.NewQRCodeWriter().Encode(text, gozxing.BarcodeFormat_QR_CODE, 0, 0, hints)
	if err != nil {
		t.Fatal(err)
	}
	cells := make([][]bool, m.GetHeight())
	for y := range cells {
		cells[y] = make([]bool, m.GetWidth())
		for x := range cells[y] {
			cells[y][x] = m.Get(x, y)
		}
	}
	return cells
}

func pngOf(img image.Image) []byte {
	var b bytes.Buffer
	png.Encode(&b, img)
	return b.Bytes()
}

func jpegOf(img image.Image, quality int) []byte {
	var b bytes.Buffer
	jpeg.Encode(&b, img, &jpeg.Options{Quality: quality})
	return b.Bytes()
}

func address(r *rand.Rand) string {
	s := fmt.Sprintf("https://qr%d.example/%x", r.IntN(1000), r.Uint64())
	for range r.IntN(4) {
		s += fmt.Sprintf("/%x", r.Uint64())
	}
	return s
}

var (
	black = color.NRGBA{0, 0, 0, 255}
	white = color.NRGBA{255, 255, 255, 255}
)

// scene puts a picture on a larger one with text-like bars and a logo.
func scene(r *rand.Rand, code image.Image, w, h int) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
	for y := 20; y < h; y += 24 {
		for x := 20; x < w-40; {
			l := 3 + r.IntN(30)
			draw.Draw(img, image.Rect(x, y, x+l, y+9), image.NewUniform(color.NRGBA{40, 40, 60, 255}), image.Point{}, draw.Src)
			x += l + 2 + r.IntN(6)
		}
	}
	draw.Draw(img, image.Rect(10, 10, 120, 60), image.NewUniform(color.NRGBA{200, 20, 40, 255}), image.Point{}, draw.Src)
	at := image.Pt(r.IntN(max(w-code.Bounds().Dx(), 1)), r.IntN(max(h-code.Bounds().Dy(), 1)))
	draw.Draw(img, code.Bounds().Add(at), code, image.Point{}, draw.Src)
	return img
}

// TestQRRecall measures how many codes are read, per way of drawing them.
func TestQRRecall(t *testing.T) {
	if testing.Short() {
		t.Skip("much computing, and nothing shared")
	}
	const n = 25
	type way struct {
		name string
		need float64
		make func(r *rand.Rand, text string) (string, []byte)
	}
	clean := func(module, margin int, dark, light color.Color) func(*rand.Rand, string) (string, []byte) {
		return func(_ *rand.Rand, text string) (string, []byte) {
			return "a.png", pngOf(codeOf(t, text, module, margin, dark, light))
		}
	}
	ways := []way{
		{"1 px module", 0.98, clean(1, 4, black, white)}, {"2 px", 0.98, clean(2, 4, black, white)}, {"3 px", 0.98, clean(3, 4, black, white)},
		{"4 px", 0.98, clean(4, 4, black, white)}, {"10 px", 0.98, clean(10, 4, black, white)}, {"25 px", 0.98, clean(25, 4, black, white)},
		{"no margin", 0.98, clean(5, 0, black, white)}, {"inverted", 0.98, clean(5, 4, white, black)},
		{"blue on yellow", 0.98, clean(5, 4, color.NRGBA{20, 30, 160, 255}, color.NRGBA{250, 240, 120, 255})},
		{"faint", 0.98, clean(5, 4, color.NRGBA{150, 150, 150, 255}, color.NRGBA{200, 200, 200, 255})},
		{"transparent", 0.98, clean(5, 4, black, color.NRGBA{})},
		{"jpeg 75", 0.98, func(_ *rand.Rand, s string) (string, []byte) {
			return "a.jpg", jpegOf(codeOf(t, s, 5, 4, black, white), 75)
		}},
		{"jpeg 30", 0.95, func(_ *rand.Rand, s string) (string, []byte) {
			return "a.jpg", jpegOf(codeOf(t, s, 4, 4, black, white), 30)
		}},
		{"gif", 0.98, func(_ *rand.Rand, s string) (string, []byte) {
			var b bytes.Buffer
			gif.Encode(&b, codeOf(t, s, 4, 4, black, white), nil)
			return "a.gif", b.Bytes()
		}},
		{"bmp", 0.98, func(_ *rand.Rand, s string) (string, []byte) {
			var b bytes.Buffer
			bmp.Encode(&b, codeOf(t, s, 4, 4, black, white))
			return "a.bmp", b.Bytes()
		}},
		{"in a letter", 0.95, func(r *rand.Rand, s string) (string, []byte) {
			return "a.png", pngOf(scene(r, codeOf(t, s, 3+r.IntN(4), 3, black, white), 800, 1000))
		}},
		{"in a letter, jpeg 60", 0.95, func(r *rand.Rand, s string) (string, []byte) {
			return "a.jpg", jpegOf(scene(r, codeOf(t, s, 4+r.IntN(4), 3, black, white), 1000, 1400), 60)
		}},
		{"pdf gray", 0.98, func(_ *rand.Rand, s string) (string, []byte) {
			return "a.pdf", imagePDF(codeOf(t, s, 4, 4, black, white), false)
		}},
		{"pdf rgb", 0.98, func(_ *rand.Rand, s string) (string, []byte) {
			return "a.pdf", imagePDF(codeOf(t, s, 4, 4, black, white), true)
		}},
		{"pdf jpeg", 0.98, func(_ *rand.Rand, s string) (string, []byte) {
			img := codeOf(t, s, 4, 4, black, white)
			return "a.pdf", pdfOf(catalog, pageTree, page1(""), fmt.Sprintf("<< /Subtype /Image /Width %d /Height %d /Filter /DCTDecode >>\nstream\n%s\nendstream", img.Rect.Dx(), img.Rect.Dy(), jpegOf(img, 80)))
		}},
		{"pdf drawn", 0.98, func(_ *rand.Rand, s string) (string, []byte) { return "a.pdf", drawnPDF(cellsOf(t, s), 3.2) }},
		{"docx media", 0.98, func(_ *rand.Rand, s string) (string, []byte) {
			return "a.docx", docx(t, para("scan"), file{"word/media/image1.png", string(pngOf(codeOf(t, s, 4, 4, black, white)))})
		}},
	}
	for _, w := range ways {
		r := rand.New(rand.NewPCG(7, 11))
		hits := 0
		for range n {
			text := address(r)
			name, data := w.make(r, text)
			if rep := Inspect(name, "", data, nil); len(rep.URLs) == 1 && rep.URLs[0].URL == text && rep.URLs[0].Where == InQR {
				hits++
			}
		}
		got := float64(hits) / n
		t.Logf("%-22s %3d of %d", w.name, hits, n)
		if got < w.need {
			t.Errorf("%s: %.0f %% read, want %.0f %%", w.name, 100*got, 100*w.need)
		}
	}
}

func imagePDF(img *image.NRGBA, rgb bool) []byte {
	var raw []byte
	for i := 0; i < len(img.Pix); i += 4 {
		raw = append(raw, img.Pix[i])
		if rgb {
			raw = append(raw, img.Pix[i+1], img.Pix[i+2])
		}
	}
	space := "/DeviceGray"
	if rgb {
		space = "/DeviceRGB"
	}
	return pdfOf(catalog, pageTree, page1(""), pdfStream(fmt.Sprintf("/Subtype /Image /Width %d /Height %d /BitsPerComponent 8 /ColorSpace %s", img.Rect.Dx(), img.Rect.Dy(), space), string(raw)))
}

func drawnPDF(cells [][]bool, side float64) []byte {
	var b strings.Builder
	b.WriteString("q 1 g 0 0 600 800 re f 0 g 1 0 0 1 72 300 cm\n")
	for y, row := range cells {
		for x, set := range row {
			if set {
				fmt.Fprintf(&b, "%.2f %.2f %.2f %.2f re f\n", float64(x)*side, float64(len(cells)-y)*side, side, side)
			}
		}
	}
	b.WriteString("Q\n")
	return pdfOf(catalog, pageTree, page1("/Contents 4 0 R"), pdfStream("", b.String()))
}

func TestQRSeveral(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 700, 300))
	draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
	draw.Draw(img, image.Rect(10, 10, 300, 300), codeOf(t, "https://one.example/", 6, 4, black, white), image.Point{}, draw.Src)
	draw.Draw(img, image.Rect(360, 30, 680, 300), codeOf(t, "https://two.example/", 5, 4, black, white), image.Point{}, draw.Src)
	sample{name: "a.png", data: pngOf(img), urls: []string{"qr https://one.example/", "qr https://two.example/"}}.run(t)
}

func TestQRAddress(t *testing.T) {
	for in, want := range map[string]string{
		"https://a.example/x": "https://a.example/x", "HTTPS://A.EXAMPLE": "HTTPS://A.EXAMPLE", "a.example/x": "http://a.example/x",
		"URLTO:https://a.example": "https://a.example", "MEBKM:TITLE:x;URL:https://a.example/;;": "https://a.example/", "hello world": "", "WIFI:S:x;;": "",
	} {
		if got := qrURL(in); got != want {
			t.Errorf("qrURL(%q) = %q, want %q", in, got, want)
		}
	}
}

// drawings of a code with characters, all ways that are in use.
func textCodes(cells [][]bool) map[string]string {
	n := len(cells)
	at := func(x, y int) bool { return y >= 0 && y < n && x >= 0 && x < n && cells[y][x] }
	half := func(inverted bool) string {
		var b strings.Builder
		for y := -2; y < n+2; y += 2 {
			for x := -2; x < n+2; x++ {
				k := 0
				if at(x, y) != inverted {
					k |= 1
				}
				if at(x, y+1) != inverted {
					k |= 2
				}
				b.WriteString([]string{" ", "▀", "▄", "█"}[k])
			}
			b.WriteByte('\n')
		}
		return b.String()
	}
	full := func(mark, blank string, inverted bool) string {
		var b strings.Builder
		for y := -2; y < n+2; y++ {
			for x := -2; x < n+2; x++ {
				if at(x, y) != inverted {
					b.WriteString(mark)
				} else {
					b.WriteString(blank)
				}
			}
			b.WriteByte('\n')
		}
		return b.String()
	}
	return map[string]string{
		"half": half(false), "half inverted": half(true), "double": full("██", "  ", false), "double inverted": full("██", "  ", true),
		"single": full("█", " ", false), "nbsp": full("██", "\u00a0\u00a0", false),
	}
}

func TestQRInText(t *testing.T) {
	for _, text := range []string{"https://t.example/a", "https://longer.example/path/that/needs/a/larger/code?x=1234567890"} {
		for name, drawing := range textCodes(cellsOf(t, text)) {
			got, ok := QRInText("Scan this:\n\n" + drawing + "\nThank you\n")
			if !ok || got != text {
				t.Errorf("%s: %q, %v", name, got, ok)
			}
		}
	}
	for _, s := range []string{"", "plain", strings.Repeat("████████████████████████\n", 24), strings.Repeat("▀▄", 200)} {
		if got, ok := QRInText(s); ok {
			t.Errorf("found %q in no code", got)
		}
	}
}
