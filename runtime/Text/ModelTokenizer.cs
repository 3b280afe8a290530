using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using Microsoft.ML.Tokenizers;

namespace Sinter.Runtime.Text;

/// <summary>
/// Byte-level BPE as a checkpoint's <c>tokenizer.json</c> describes it: text to tokens and back. The merging is
/// Microsoft.ML.Tokenizers'; patterns, added tokens and decoding are done here, as in Hugging Face's tokenizers. Safe for
/// use from several threads.
/// </summary>
public sealed class ModelTokenizer
{
    private readonly BpeTokenizer _merger;
    private readonly AddedTokens _added;
    private readonly HashSet<int> _special;
    private readonly Dictionary<string, int> _idOf;
    private readonly byte[]?[] _bytes;

    private ModelTokenizer(TokenizerFile file, SequenceMarks marks)
    {
        _merger = BpeTokenizer.Create(new BpeOptions(file.Vocabulary)
        {
            Merges = file.Merges,
            ByteLevel = true,
            PreTokenizer = new TextSplitter(file.Patterns),
        });
        _added = new AddedTokens(file.AddedTokens);
        _special = [.. file.AddedTokens.Where(token => token.IsSpecial).Select(token => token.Id)];
        _idOf = file.Vocabulary;
        foreach (AddedToken token in file.AddedTokens) _idOf[token.Content] = token.Id;
        _bytes = new byte[]?[_idOf.Values.DefaultIfEmpty(-1).Max() + 1];
        foreach ((string token, int id) in _idOf) _bytes[id] = ByteLevelAlphabet.Decode(token);

        BeginOfSequence = IdOf(marks.Begin) ?? marks.BeginId;
        EndOfSequence = IdOf(marks.End) ?? marks.EndId;
        AddsBeginOfSequence = marks.AddsBegin;
    }

    /// <summary>The token that opens a sequence, or null where the checkpoint names none.</summary>
    public int? BeginOfSequence { get; }

    /// <summary>The token that ends a sequence, or null where the checkpoint names none.</summary>
    public int? EndOfSequence { get; }

    /// <summary>Whether the checkpoint wants <see cref="BeginOfSequence"/> before a prompt (<c>add_bos_token</c>).</summary>
    public bool AddsBeginOfSequence { get; }

    /// <summary>One more than the highest token number; the model's vocabulary may be padded beyond it.</summary>
    public int Count => _bytes.Length;

    /// <summary>Reads <c>tokenizer.json</c>, and <c>tokenizer_config.json</c> and <c>config.json</c> beside it where they exist.</summary>
    /// <param name="path">The checkpoint's folder, or its tokenizer.json.</param>
    /// <exception cref="SinterException">A file is missing, corrupt, or describes another kind of tokenizer.</exception>
    public static ModelTokenizer Load(string path)
    {
        string file = Directory.Exists(path) ? Path.Combine(path, "tokenizer.json") : path;
        TokenizerFile content = TokenizerFile.Read(file);
        SequenceMarks marks = SequenceMarks.Read(Path.GetDirectoryName(Path.GetFullPath(file))!);
        try
        {
            return new ModelTokenizer(content, marks);
        }
        catch (Exception fault) when (fault is ArgumentException or InvalidOperationException or IndexOutOfRangeException
            or KeyNotFoundException)
        {
            throw new SinterException($"{file} cannot be used as a tokenizer: {fault.Message.Split('\n')[0].TrimEnd('.')}.", fault);
        }
    }

    /// <summary>The tokens of a text. Added tokens such as <c>&lt;｜User｜&gt;</c> are recognised wherever they are written.</summary>
    /// <param name="text">Any text; half a surrogate pair counts as U+FFFD.</param>
    /// <param name="addBeginOfSequence">Whether <see cref="BeginOfSequence"/> comes first.</param>
    public int[] Encode(string text, bool addBeginOfSequence = false)
    {
        ArgumentNullException.ThrowIfNull(text);
        text = WithoutHalves(text);
        var ids = new List<int>();
        if (addBeginOfSequence && BeginOfSequence is int begin) ids.Add(begin);
        int at = 0;
        while (_added.Find(text, at) is (AddedToken token, int start, int end))
        {
            Merge(text, at, start, ids);
            ids.Add(token.Id);
            at = end;
        }

        Merge(text, at, text.Length, ids);
        return [.. ids];
    }

    /// <summary>The text of tokens. Bytes that are no UTF-8 come as U+FFFD, tokens that the tokenizer lacks as nothing.</summary>
    /// <param name="ids">Tokens.</param>
    /// <param name="skipSpecial">Whether special tokens, such as the end of the sequence, are left out.</param>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecial = false)
    {
        var bytes = new MemoryStream();
        foreach (int id in ids) bytes.Write(BytesOf(id, skipSpecial));
        return Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length);
    }

    /// <summary>A decoder for tokens that come one by one.</summary>
    /// <param name="skipSpecial">Whether special tokens are left out.</param>
    public StreamingDecoder Stream(bool skipSpecial = false) => new(this, skipSpecial);

    /// <summary>The number of a token written out, such as <c>&lt;｜Assistant｜&gt;</c>; null if there is none.</summary>
    public int? IdOf(string? token) => token is not null && _idOf.TryGetValue(token, out int id) ? id : null;

    internal ReadOnlySpan<byte> BytesOf(int id, bool skipSpecial) =>
        (uint)id >= (uint)_bytes.Length || skipSpecial && _special.Contains(id) ? [] : _bytes[id];

    private void Merge(string text, int from, int to, List<int> ids)
    {
        if (from == to) return;
        ids.AddRange(_merger.EncodeToIds(text.AsSpan(from, to - from), considerPreTokenization: true, considerNormalization: false));
    }

    private static string WithoutHalves(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i])) continue;
            if (i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1])) i++;
            else return string.Concat(text.EnumerateRunes());
        }

        return text;
    }
}
