using System.Linq;
using System.Text;

namespace Sinter.Command.Loading;

/// <summary>A name for a model from whatever its files are called.</summary>
internal static class Identifier
{
    /// <summary><c>deepseek_v3</c> → <c>DeepseekV3</c>, <c>tiny-trained</c> → <c>TinyTrained</c>, <c>7b</c> → <c>Model7b</c>.</summary>
    public static string Of(string name)
    {
        var text = new StringBuilder();
        bool starts = true;
        foreach (char c in name)
        {
            bool isPart = char.IsAsciiLetterOrDigit(c);
            if (isPart) text.Append(starts ? char.ToUpperInvariant(c) : c);
            starts = !isPart;
        }

        return text.Length > 0 && char.IsAsciiLetter(text[0]) ? text.ToString() : "Model" + text;
    }
}
