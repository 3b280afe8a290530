using System;
using System.Text;

namespace Sinter.Runtime.Text;

/// <summary>
/// Turns tokens into text as they come. A character whose bytes are spread over several tokens comes whole, with the last
/// of them; all the pieces together are what <see cref="ModelTokenizer.Decode"/> gives for all the tokens.
/// </summary>
public sealed class StreamingDecoder
{
    private readonly ModelTokenizer _tokenizer;
    private readonly bool _skipSpecial;
    private readonly Decoder _decoder = new UTF8Encoding(false, throwOnInvalidBytes: false).GetDecoder();

    internal StreamingDecoder(ModelTokenizer tokenizer, bool skipSpecial)
    {
        _tokenizer = tokenizer;
        _skipSpecial = skipSpecial;
    }

    /// <summary>The characters that this token completes: often a word, sometimes nothing yet.</summary>
    public string Append(int token) => Decode(_tokenizer.BytesOf(token, _skipSpecial), flush: false);

    /// <summary>Ends the text: U+FFFD if bytes of a character that never became whole are left, else nothing.</summary>
    public string Flush() => Decode([], flush: true);

    private string Decode(ReadOnlySpan<byte> bytes, bool flush)
    {
        if (bytes.IsEmpty && !flush) return "";
        Span<char> characters = stackalloc char[256];
        int most = Encoding.UTF8.GetMaxCharCount(bytes.Length);
        if (most > characters.Length) characters = new char[most];
        int count = _decoder.GetChars(bytes, characters, flush);
        return count == 0 ? "" : new string(characters[..count]);
    }
}
