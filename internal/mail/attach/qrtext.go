package attach

import (
	"strings"
	"unicode/utf8"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode/decoder"
)

// QRInText finds a QR code drawn with characters: half blocks, full blocks
// (one or two per module), or quadrants. Mail that is scanned for pictures only
// carries codes that way. It returns the address, or the text where it is none.
func QRInText(s string) (string, bool) {
	// All but one are of two blocks of Unicode, and begin with the same two bytes.
	if !strings.Contains(s, "\xe2\x96") && !strings.Contains(s, "⬛") || !strings.ContainsAny(s, "█▀▄▌▐▛▜▙▟▘▝▖▗■⬛") {
		return "", false
	}
	for _, block := range drawings(s) {
		if text, ok := decodeDrawing(block); ok {
			return firstOf(qrURL(text), text), true
		}
	}
	return "", false
}

// Limits of a drawing: version 40 has 177 modules, and 4 of margin on each side.
const (
	maxDrawingLines = 2 * 200
	maxDrawingWidth = 2 * 200
	maxDrawings     = 8
)

// drawings cuts text into runs of lines made of blocks and blanks. A line is
// drawn if it holds a block and, blanks aside, little else.
func drawings(s string) [][][]rune {
	var out [][][]rune
	var block [][]rune
	end := func() {
		if len(block) >= 10 && len(out) < maxDrawings {
			out = append(out, block)
		}
		block = nil
	}
	for line := range strings.Lines(s) {
		line = strings.TrimRight(line, "\r\n")
		if len(line) > 8*maxDrawingWidth || !drawn(line) || len(block) >= maxDrawingLines {
			end()
			continue
		}
		block = append(block, []rune(line))
	}
	end()
	return out
}

func drawn(line string) bool {
	blocks, other := 0, 0
	for _, r := range line {
		switch {
		case isBlock(r):
			blocks++
		case !isBlankCell(r):
			other++
		}
	}
	return blocks > 0 && other*20 <= blocks
}

func isBlock(r rune) bool {
	return r >= 0x2580 && r <= 0x259f || r == '■' || r == '⬛' || r == '⬜'
}

func isBlankCell(r rune) bool {
	return r == ' ' || r == '\u00a0' || r == '\u3000' || r == '\u2007' || r == '\t' || r == utf8.RuneError
}

// quadrants tells which quarters of the cell a character fills: bit 0 upper
// left, 1 upper right, 2 lower left, 3 lower right.
func quadrants(r rune) byte {
	switch r {
	case '█', '▓', '■', '⬛':
		return 15
	case '▀':
		return 3
	case '▄':
		return 12
	case '▌':
		return 5
	case '▐':
		return 10
	case '▖':
		return 4
	case '▗':
		return 8
	case '▘':
		return 1
	case '▝':
		return 2
	case '▙':
		return 13
	case '▚':
		return 9
	case '▛':
		return 7
	case '▜':
		return 11
	case '▞':
		return 6
	case '▟':
		return 14
	}
	return 0
}

// decodeDrawing tries the ways to draw: how many columns and rows of modules one
// character stands for. Quarters are always drawn; where modules are larger
// than a quarter every second column or row repeats and is left out.
func decodeDrawing(block [][]rune) (string, bool) {
	width := 0
	for _, line := range block {
		width = max(width, len(line))
	}
	grid := make([][]bool, 2*len(block))
	for y, line := range block {
		grid[2*y], grid[2*y+1] = make([]bool, 2*width), make([]bool, 2*width)
		for x, r := range line {
			q := quadrants(r)
			grid[2*y][2*x], grid[2*y][2*x+1] = q&1 != 0, q&2 != 0
			grid[2*y+1][2*x], grid[2*y+1][2*x+1] = q&4 != 0, q&8 != 0
		}
	}
	for _, step := range [][2]int{{2, 1}, {4, 2}, {2, 2}, {1, 1}, {1, 2}} {
		for _, inverted := range []bool{false, true} {
			if text, ok := decodeGrid(grid, step[0], step[1], inverted); ok {
				return text, true
			}
		}
	}
	return "", false
}

// decodeGrid takes every dx-th column and dy-th row, trims the margin and
// decodes what is left if it has the size of a code.
func decodeGrid(grid [][]bool, dx, dy int, inverted bool) (string, bool) {
	x0, y0, x1, y1 := darkBounds(grid, inverted)
	w, h := (x1-x0+dx-1)/dx, (y1-y0+dy-1)/dy
	if w != h || w < 21 || w > 177 || (w-17)%4 != 0 {
		return "", false
	}
	cells := make([][]bool, h)
	for y := range cells {
		cells[y] = make([]bool, w)
		for x := range cells[y] {
			cells[y][x] = grid[min(y0+y*dy, y1-1)][min(x0+x*dx, x1-1)] != inverted
		}
	}
	return decodeCells(cells)
}

// darkBounds is the rectangle that holds what is dark. An inverted drawing
// (blocks are the light) has its margin drawn: the outside of that is ignored.
func darkBounds(grid [][]bool, inverted bool) (x0, y0, x1, y1 int) {
	left, top, right, bottom := 0, 0, 0, len(grid)
	if len(grid) > 0 {
		right = len(grid[0])
	}
	if inverted {
		left, top, right, bottom = bounds(grid, left, top, right, bottom, true)
	}
	return bounds(grid, left, top, right, bottom, !inverted)
}

// bounds shrinks a rectangle to what has the colour.
func bounds(grid [][]bool, left, top, right, bottom int, colour bool) (x0, y0, x1, y1 int) {
	x0, y0 = right, bottom
	for y := top; y < bottom; y++ {
		for x := left; x < right; x++ {
			if grid[y][x] == colour {
				x0, y0, x1, y1 = min(x0, x), min(y0, y), max(x1, x+1), max(y1, y+1)
			}
		}
	}
	return x0, y0, x1, y1
}

// decodeCells decodes modules as they stand, no search needed.
func decodeCells(cells [][]bool) (text string, ok bool) {
	defer func() {
		if recover() != nil {
			text, ok = "", false
		}
	}()
	bits, err := gozxing.ParseBoolMapToBitMatrix(cells)
	if err != nil {
		return "", false
	}
	result, err := decoder.NewDecoder().Decode(bits, nil)
	if err != nil {
		return "", false
	}
	return result.GetText(), true
}
