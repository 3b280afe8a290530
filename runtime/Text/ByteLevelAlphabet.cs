using System.Text;

namespace Sinter.Runtime.Text;

/// <summary>
/// The alphabet of byte-level BPE (GPT-2's): each byte has a printable character of its own, so that vocabulary and merges
/// are ordinary text. Printable Latin-1 stands for itself; the other 68 bytes take U+0100 onwards, in order.
/// </summary>
internal static class ByteLevelAlphabet
{
    private static readonly short[] s_bytes = MapCharacters();

    /// <summary>
    /// The bytes that a token of the vocabulary stands for. Text with a character outside the alphabet, as in most added
    /// tokens, stands for itself.
    /// </summary>
    public static byte[] Decode(string token)
    {
        var bytes = new byte[token.Length];
        for (int i = 0; i < token.Length; i++)
        {
            short value = token[i] < s_bytes.Length ? s_bytes[token[i]] : (short)-1;
            if (value < 0) return Encoding.UTF8.GetBytes(token);
            bytes[i] = (byte)value;
        }

        return bytes;
    }

    /// <summary>The character of each byte.</summary>
    public static char[] Characters()
    {
        var characters = new char[256];
        for (int character = 0; character < s_bytes.Length; character++)
            if (s_bytes[character] >= 0) characters[s_bytes[character]] = (char)character;
        return characters;
    }

    private static short[] MapCharacters()
    {
        var bytes = new short[324];
        System.Array.Fill(bytes, (short)-1);
        int next = 256;
        for (short value = 0; value < 256; value++)
        {
            bool printable = value is >= 0x21 and <= 0x7E or >= 0xA1 and <= 0xAC or >= 0xAE;
            bytes[printable ? value : next++] = value;
        }

        return bytes;
    }
}
