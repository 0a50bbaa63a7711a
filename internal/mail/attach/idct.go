package attach

// block is 8×8 coefficients, or samples.
type block [64]int32

// Constants of the transform in fixed point, with so many bits behind the point.
const (
	root2to8           = (815238614083298888 + 1<<51) >> 52 // 1/√2
	root2to14          = (815238614083298888 + 1<<45) >> 46
	cos3to12           = (958619196450722178 + 1<<47) >> 48 // cos 3π/16
	sin3to12           = (640528868967736374 + 1<<47) >> 48
	cos1to12           = (1130768441178740757 + 1<<47) >> 48
	sin1to12           = (224923827593068887 + 1<<47) >> 48
	cos6to12, cos6to18 = (311978311033955632 + 1<<47) >> 48, (311978311033955632 + 1<<41) >> 42 // cos 6π/16 / √2
	sin6to12, sin6to18 = (753182269664427492 + 1<<47) >> 48, (753182269664427492 + 1<<41) >> 42
)

// rotate turns by an angle, scaled, with three multiplications.
func rotate(x0, x1, kcos, ksin int32) (y0, y1 int32) {
	sum := kcos * (x0 + x1)
	return sum + (ksin-kcos)*x1, sum - (kcos+ksin)*x0
}

// samples undoes the transform of a block, in the arithmetic of Go's image/jpeg (Loeffler,
// Ligtenberg and Moschytz 1989), so that both read the same from a picture. Rows tells by
// its bits in which rows there is anything: most blocks of a page have one value in all.
func (b *block) samples(rows uint8) {
	if rows == 1 && [7]int32(b[1:8]) == [7]int32{} {
		v := (b[0]<<17 + 1<<19) >> 20
		for i := range b {
			b[i] = v
		}
		return
	}
	for i := range 8 {
		if rows>>i&1 != 0 {
			inverseRow((*[8]int32)(b[8*i:]))
		}
	}
	for i := range 8 {
		b.inverseColumn(i)
	}
}

func inverseRow(x *[8]int32) {
	x0, x7, x2, x5, x1, x6, x3, x4 := x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]
	x0, x1 = x0<<17, x1<<17
	x0, x1 = x0+x1, x0-x1
	x2, x3 = rotate(x2, x3, cos6to18, -sin6to18)
	x1, x2 = x1+x2, x1-x2
	x0, x3 = x0+x3, x0-x3
	x4, x7 = x4<<7, x7<<7
	x7, x4 = x7+x4, x7-x4
	x6, x5 = x6*root2to8, x5*root2to8
	x7, x5 = x7+x5, x7-x5
	x4, x6 = x4+x6, x4-x6
	x4, x7 = rotate(x4>>2, x7>>2, cos3to12, -sin3to12)
	x5, x6 = rotate(x5>>2, x6>>2, cos1to12, -sin1to12)
	x[0], x[7] = x0+x7, x0-x7
	x[1], x[6] = x1+x6, x1-x6
	x[2], x[5] = x2+x5, x2-x5
	x[3], x[4] = x3+x4, x3-x4
}

func (b *block) inverseColumn(i int) {
	x := b[i : i+57 : i+57]
	x0, x7, x2, x5, x1, x6, x3, x4 := x[0]+1<<19, x[8], x[16], x[24], x[32], x[40], x[48], x[56]
	x0, x1 = (x0+x1)>>2, (x0-x1)>>2
	x2, x3 = rotate(x2>>13, x3>>13, cos6to12, -sin6to12)
	x1, x2 = x1+x2, x1-x2
	x0, x3 = x0+x3, x0-x3
	x7, x4 = x7+x4, x7-x4
	x5, x6 = (x5>>13)*root2to14, (x6>>13)*root2to14
	x7, x5 = x7+x5, x7-x5
	x4, x6 = x4+x6, x4-x6
	x4, x7 = rotate(x4>>14, x7>>14, cos3to12, -sin3to12)
	x5, x6 = rotate(x5>>14, x6>>14, cos1to12, -sin1to12)
	x[0], x[56] = (x0+x7)>>18, (x0-x7)>>18
	x[8], x[48] = (x1+x6)>>18, (x1-x6)>>18
	x[16], x[40] = (x2+x5)>>18, (x2-x5)>>18
	x[24], x[32] = (x3+x4)>>18, (x3-x4)>>18
}
