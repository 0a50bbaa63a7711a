package attach

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"portcullis.example/portcullis/internal/testenv"
)

// sameLuma fails if reading luminance alone gives anything else than decoding all.
func sameLuma(t *testing.T, data []byte) (read bool) {
	t.Helper()
	got, ok := jpegLuma(data)
	if !ok {
		return false
	}
	img, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("image/jpeg cannot read it: %v", err)
	}
	want := toGray(img)
	if got.w != want.w || got.h != want.h || !bytes.Equal(got.pix, want.pix) {
		t.Fatalf("%d×%d differs from image/jpeg's %d×%d", got.w, got.h, want.w, want.h)
	}
	return true
}

// scenery is a picture with flat and with busy places.
func scenery(r *rand.Rand, w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{250, 250, 250, 255}
			switch {
			case (x/24+y/24)%3 == 0:
				c = color.RGBA{byte(x), byte(y), byte(x + y), 255}
			case (x/24+y/24)%3 == 1:
				c = color.RGBA{byte(r.UintN(256)), byte(r.UintN(256)), byte(r.UintN(256)), 255}
			}
			m.SetRGBA(x, y, c)
		}
	}
	return m
}

func TestJPEGLuma(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range []image.Point{{1, 1}, {7, 9}, {16, 16}, {17, 33}, {100, 61}, {256, 240}} {
		m := scenery(r, size.X, size.Y)
		grays := image.NewGray(m.Rect)
		for i := range grays.Pix {
			grays.Pix[i] = m.Pix[4*i]
		}
		for _, quality := range []int{1, 20, 75, 92, 100} {
			for _, img := range []image.Image{m, grays} {
				if data := jpegOf(img, quality); !sameLuma(t, data) {
					t.Errorf("%v at quality %d was left to image/jpeg", size, quality)
				}
			}
		}
	}
}

// TestJPEGLumaCut: what is not whole is left to image/jpeg.
func TestJPEGLumaCut(t *testing.T) {
	data := jpegOf(scenery(rand.New(rand.NewPCG(3, 4)), 40, 40), 75)
	for n := range len(data) {
		if _, ok := jpegLuma(data[:n]); ok {
			t.Fatalf("%d of %d bytes were read", n, len(data))
		}
	}
}

// encoded is a part in base64, as lines of a message.
var encoded = regexp.MustCompile(`(?m)(?:^[A-Za-z0-9+/]{60,76}={0,2}\r?\n)+(?:[A-Za-z0-9+/]+={0,2})?`)

// TestJPEGLumaReal reads the pictures of real mail, from cameras, scanners and drawing programs,
// those within PDFs among them.
func TestJPEGLumaReal(t *testing.T) {
	read, all := 0, 0
	files, err := filepath.Glob(filepath.Join(testenv.Data(t, "mail", "phishing"), "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range encoded.FindAll(raw, -1) {
			data, _ := io.ReadAll(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(block)))
			for ; ; data = data[3:] {
				_, rest, found := bytes.Cut(data, []byte("\xff\xd8\xff"))
				if !found {
					break
				}
				data = data[len(data)-len(rest)-3:]
				all++
				if sameLuma(t, data) {
					read++
				}
			}
		}
	}
	t.Logf("%d of %d pictures read without image/jpeg", read, all)
	if read*2 < all {
		t.Error("most pictures of real mail are left to image/jpeg: this reader is of no use")
	}
}

func FuzzJPEGLuma(f *testing.F) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, size := range []image.Point{{8, 8}, {20, 30}} {
		m := scenery(r, size.X, size.Y)
		f.Add(jpegOf(m, 50))
		f.Add(jpegOf(image.NewGray(m.Rect), 90))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, err := jpeg.DecodeConfig(bytes.NewReader(data))
		if err != nil || cfg.Width*cfg.Height > 1<<20 {
			return
		}
		sameLuma(t, data)
	})
}

func BenchmarkJPEG(b *testing.B) {
	data := jpegOf(scenery(rand.New(rand.NewPCG(7, 8)), 1200, 900), 75)
	b.Run("luma", func(b *testing.B) {
		for b.Loop() {
			jpegLuma(data)
		}
	})
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			_, _ = jpeg.Decode(bytes.NewReader(data))
		}
	})
}
