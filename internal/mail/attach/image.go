package attach

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"
)

const (
	minQRSide    = 21      // modules of the smallest code, at one pixel each
	maxQRSide    = 1200    // pictures are shrunk below this side before they are searched
	maxImageSide = 20_000  // a side longer than this is no picture to look at
	maxOneImage  = 8 << 20 // pixels of one picture
)

// openImage searches a picture for QR codes, within the budget.
func (in *inspection) openImage(c content, typ string) {
	in.trailing(c, typ)
	decode, config := imageDecoder(typ)
	if decode == nil {
		return
	}
	cfg, err := config(c.data)
	if err != nil {
		in.incomplete("%s: picture cannot be read: %s", c.label(), printable(err.Error(), 100))
		return
	}
	w, h := cfg.Width, cfg.Height
	if w < minQRSide || h < minQRSide || min(w, h)*12 < max(w, h) {
		return // pixels, lines, thin banners: no room for a code
	}
	if w > maxImageSide || h > maxImageSide || w*h > maxOneImage || !in.b.takeImage(w*h) {
		in.incomplete("%s: picture of %d×%d pixels not searched for codes, the budget of %d pictures and %d pixels is reached",
			c.label(), w, h, in.b.Limits.Images, in.b.Limits.ImagePixels)
		return
	}
	found, ok := in.b.Pictures.codes(c.data, typ, func() ([]string, bool) {
		g, err := readGray(c.data, typ, decode)
		if err != nil {
			in.incomplete("%s: picture cannot be read: %s", c.label(), printable(err.Error(), 100))
			return nil, false
		}
		return findQR(g), true
	})
	if ok {
		in.codes(c, found)
	}
}

// readGray reads the luminance of a picture.
func readGray(data []byte, typ string, decode decodeFunc) (*gray, error) {
	if typ == "image-jpeg" {
		if g, ok := jpegLuma(data); ok {
			return g, nil
		}
	}
	img, err := decode(data)
	if err != nil && img == nil {
		return nil, err
	}
	return toGray(img), nil
}

// codes records what the QR codes in a picture say.
func (in *inspection) codes(c content, found []string) {
	for _, text := range found {
		if u := qrURL(text); u != "" {
			in.url(c, InQR, u)
		} else {
			in.addText(c, printable(text, 4096))
		}
	}
}

// trailing notes an archive or program behind the picture's end, as polyglots
// have it; only an end that can be found for sure is judged.
func (in *inspection) trailing(c content, typ string) {
	end := -1
	if typ == "image-png" {
		if i := bytes.LastIndex(c.data, []byte("IEND\xaeB`\x82")); i >= 0 {
			end = i + 8
		}
	}
	if end < 0 || len(c.data)-end < 64 {
		return
	}
	if t := sniff(c.data[end:], "", ""); family(t) == "archive" || family(t) == "program" || t == "html" {
		in.trait(c, KindTypeMismatch, t+" content behind the end of the picture", end, len(c.data))
		if in.b.takeMember() {
			in.member(c, "behind", c.data[end:])
		}
	}
}

type decodeFunc func([]byte) (image.Image, error)
type configFunc func([]byte) (image.Config, error)

// imageDecoder names the decoders outright: registering formats is global.
func imageDecoder(typ string) (decodeFunc, configFunc) {
	switch typ {
	case "image-png":
		return func(b []byte) (image.Image, error) { return png.Decode(bytes.NewReader(b)) },
			func(b []byte) (image.Config, error) { return png.DecodeConfig(bytes.NewReader(b)) }
	case "image-jpeg":
		return func(b []byte) (image.Image, error) { return jpeg.Decode(bytes.NewReader(b)) },
			func(b []byte) (image.Config, error) { return jpeg.DecodeConfig(bytes.NewReader(b)) }
	case "image-gif":
		return func(b []byte) (image.Image, error) { return gif.Decode(bytes.NewReader(b)) },
			func(b []byte) (image.Config, error) { return gif.DecodeConfig(bytes.NewReader(b)) }
	case "image-bmp":
		return func(b []byte) (image.Image, error) { return bmp.Decode(bytes.NewReader(b)) },
			func(b []byte) (image.Config, error) { return bmp.DecodeConfig(bytes.NewReader(b)) }
	case "image-webp":
		return func(b []byte) (image.Image, error) { return webp.Decode(bytes.NewReader(b)) },
			func(b []byte) (image.Config, error) { return webp.DecodeConfig(bytes.NewReader(b)) }
	}
	return nil, nil
}

// gray is a picture as luminance.
type gray struct {
	w, h int
	pix  []byte
}

// toGray converts a picture. Transparent pixels count as white, as
// mail is shown on white.
func toGray(img image.Image) *gray {
	b := img.Bounds()
	g := &gray{w: b.Dx(), h: b.Dy()}
	switch m := img.(type) {
	case *image.YCbCr:
		g.pix = rows(m.Y, m.YStride, m.YOffset(b.Min.X, b.Min.Y), g.w, g.h)
	case *image.Gray:
		g.pix = rows(m.Pix, m.Stride, m.PixOffset(b.Min.X, b.Min.Y), g.w, g.h)
	case *image.Paletted:
		g.pix = rows(m.Pix, m.Stride, m.PixOffset(b.Min.X, b.Min.Y), g.w, g.h)
		var lum [256]byte
		for i, c := range m.Palette {
			lum[i&255] = luminance(c)
		}
		for i, v := range g.pix {
			g.pix[i] = lum[v]
		}
	case *image.RGBA:
		g.pix = fourBytes(m.Pix, m.Stride, g.w, g.h, true)
	case *image.NRGBA:
		g.pix = fourBytes(m.Pix, m.Stride, g.w, g.h, false)
	default:
		g.pix = make([]byte, 0, g.w*g.h)
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				g.pix = append(g.pix, luminance(img.At(x, y)))
			}
		}
	}
	return g
}

func rows(pix []byte, stride, offset, w, h int) []byte {
	out := make([]byte, 0, w*h)
	for y := range h {
		at := offset + y*stride
		out = append(out, pix[at:at+w]...)
	}
	return out
}

// fourBytes converts RGBA rows; premultiplied tells how alpha is kept.
func fourBytes(pix []byte, stride, w, h int, premultiplied bool) []byte {
	out := make([]byte, w*h)
	for y := range h {
		row := pix[y*stride : y*stride+4*w]
		for x := range w {
			p := row[4*x : 4*x+4 : 4*x+4]
			l := (uint32(p[0])*77 + uint32(p[1])*150 + uint32(p[2])*29) >> 8
			a := uint32(p[3])
			switch {
			case a == 255:
			case premultiplied:
				l = min(l+255-a, 255)
			default:
				l = (l*a + 255*(255-a)) / 255
			}
			out[y*w+x] = byte(l)
		}
	}
	return out
}

func luminance(c color.Color) byte {
	r, g, b, a := c.RGBA()
	l := (r*77+g*150+b*29)>>8 + (0xffff - a)
	return byte(min(l>>8, 255))
}

// shrink averages blocks of pixels until no side exceeds maxQRSide, and tells
// how many pixels became one.
func (g *gray) shrink() (*gray, int) {
	k := (max(g.w, g.h) + maxQRSide - 1) / maxQRSide
	if k <= 1 {
		return g, 1
	}
	out := &gray{w: g.w / k, h: g.h / k}
	out.pix = make([]byte, out.w*out.h)
	for y := range out.h {
		for x := range out.w {
			sum := 0
			for dy := range k {
				row := g.pix[(y*k+dy)*g.w+x*k:]
				for _, v := range row[:k] {
					sum += int(v)
				}
			}
			out.pix[y*out.w+x] = byte(sum / (k * k))
		}
	}
	return out, k
}

// crop copies a rectangle.
func (g *gray) crop(x0, y0, x1, y1 int) *gray {
	x1, y1 = min(x1, g.w), min(y1, g.h)
	return &gray{w: x1 - x0, h: y1 - y0, pix: rows(g.pix, g.w, y0*g.w+x0, x1-x0, y1-y0)}
}
