package screening

import "strings"

// hangulTable spells the parts of a syllable: initials, vowels and finals, which are
// written here as the conjoining jamo of Unicode 3.12. Revised Romanisation, McCune–Reischauer, North
// Korean usage, and the customary spellings of surnames.
const hangulTable = `ᄀ=g,k,gh ᄁ=kk,gg,k ᄂ=n ᄃ=d,t ᄄ=tt,dd,t ᄅ=r,l,n,- ᄆ=m ᄇ=b,p,v ᄈ=pp,bb,p ᄉ=s,sh ᄊ=ss,s ᄋ=- ᄌ=j,ch,z,tj ᄍ=jj,tch,j ᄎ=ch,tch ᄏ=k,kh ᄐ=t,th ᄑ=p,ph ᄒ=h
 ᅡ=a,ah ᅢ=ae,ai,e,a ᅣ=ya ᅤ=yae ᅥ=eo,o,u,e,au ᅦ=e ᅧ=yeo,yo,you,yu,yuh,ye ᅨ=ye,e ᅩ=o,oh ᅪ=wa,oa ᅫ=wae ᅬ=oe,oi,we,wae,e ᅭ=yo ᅮ=u,oo,ou,woo,w ᅯ=wo,weo ᅰ=we ᅱ=wi,ui ᅲ=yu,yoo
 ᅳ=eu,u,e,oo ᅴ=ui,eui,e,i,ee ᅵ=i,ee,yi,ih
 ᆨ=k,g,c ᆩ=k ᆫ=n ᆮ=t ᆯ=l,r,ll ᆷ=m ᆸ=p,b ᆺ=t,s ᆻ=t,s ᆼ=ng ᆽ=t,j ᆾ=t ᆿ=k ᇀ=t ᇁ=p ᇂ=h,t,-
 이=lee,yi,rhee,i,ri,ree,li 리=ri,ree,rhee,lee,yi,li 박=park,pak,bak 최=choi,choe,choy 김=kim,gim 정=jung,jeong,chung,chong,cheong 조=cho,jo 류=ryu,ryoo,yu,yoo,you 임=lim,im,rim,yim
 량=ryang,yang 로=ro,roh,noh,no 노=noh,roh,no,ro`

// decompose writes Hangul syllables as conjoining jamo (Unicode 3.12). The syllables
// that have customary spellings as surnames are kept, where they stand alone.
func decompose(w string) string {
	if _, whole := hangulSpellings.of[w]; whole {
		return w
	}
	var b strings.Builder
	for _, r := range w {
		if r < 0xac00 || r > 0xd7a3 {
			b.WriteRune(r)
			continue
		}
		s := r - 0xac00
		b.WriteRune(0x1100 + s/588)
		b.WriteRune(0x1161 + s%588/28)
		if f := s % 28; f > 0 {
			b.WriteRune(0x11a7 + f)
		}
	}
	return b.String()
}
