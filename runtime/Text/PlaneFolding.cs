using System.Globalization;
using System.Text;

namespace Sinter.Runtime.Text;

/// <summary>
/// Lets .NET's expressions, which see UTF-16 units, match as Unicode's do: a character beyond the basic plane is two
/// surrogates, which <c>\p{L}</c> never matches, so its place is taken by one character of the same general category.
/// </summary>
internal static class PlaneFolding
{
    /// <summary>
    /// By <see cref="UnicodeCategory"/>. Taken from A000–ABFF where there is one, since the tokenizers of this family name
    /// ranges of CJK characters and Hangul in their patterns, and a stand-in must not fall into them.
    /// </summary>
    private const string StandIns =
        "\uA640\uA641\u01C5\uA717\uA000" // Lu Ll Lt Lm Lo
        + "\uA66F\uA823\uA670" // Mn Mc Me
        + "\uA620\uA6E6\uA830" // Nd Nl No
        + "\u00A0\u2028\u2029\u0085" // Zs Zl Zp Cc
        + "\uFFF9\uD800\uE000" // Cf Cs Co
        + "\uFE33\uFE31\uFE17\uFE18\u00AB\u00BB\uA60D" // Pc Pd Ps Pe Pi Pf Po
        + "\uFB29\uA838\uA700\uA490" // Sm Sc Sk So
        + "\uA48D"; // Cn

    /// <summary>The text with one UTF-16 unit for each character, and where each stood; null where it is so already.</summary>
    public static (string Text, int[] Starts)? Fold(string text)
    {
        int pairs = 0;
        foreach (char unit in text) pairs += char.IsHighSurrogate(unit) ? 1 : 0;
        if (pairs == 0) return null;

        var folded = new StringBuilder(text.Length);
        var starts = new int[text.Length - pairs + 1];
        int at = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            starts[folded.Length] = at;
            folded.Append(rune.IsBmp ? (char)rune.Value : StandIn(Rune.GetUnicodeCategory(rune)));
            at += rune.Utf16SequenceLength;
        }

        starts[folded.Length] = at;
        return (folded.ToString(), starts);
    }

    internal static char StandIn(UnicodeCategory category) => StandIns[(int)category];
}
