using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Sinter.Runtime.Text;

/// <summary>
/// What a <c>tokenizer.json</c> holds that changes tokens. A part that this reader does not know is refused, never passed
/// over: wrong tokens are worse than none.
/// </summary>
internal sealed class TokenizerFile
{
    /// <summary>GPT-2's own pattern, which a ByteLevel pre-tokenizer splits with unless it is told not to.</summary>
    private const string ByteLevelPattern = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    /// <summary>Far above any vocabulary: a number beyond it is a fault of the file, not a table to allocate.</summary>
    private const int MostIds = 1 << 24;

    private readonly string _path;

    private TokenizerFile(string path, JsonElement root)
    {
        _path = path;
        JsonElement model = Member(root, "model");
        string type = model.TryGetProperty("type", out JsonElement kind) ? kind.GetString() ?? "" : "BPE";
        if (type != "BPE") throw Unknown($"the model type '{type}'", "BPE");
        foreach (string name in (string[])["byte_fallback", "ignore_merges"])
            if (IsTrue(model, name)) throw Unknown($"'{name}'", "plain byte-level BPE");

        Vocabulary = Member(model, "vocab").EnumerateObject().ToDictionary(entry => entry.Name, entry => ReadId(entry.Value));
        Merges = Member(model, "merges").EnumerateArray().Select(ReadMerge).ToArray();
        AddedTokens = root.TryGetProperty("added_tokens", out JsonElement added) && added.ValueKind == JsonValueKind.Array
            ? added.EnumerateArray().Select(ReadAddedToken).Where(token => token.Content.Length > 0).ToArray()
            : [];
        RequireNoNormalizer(root);
        ReadPreTokenizer(Member(root, "pre_tokenizer"));
        string decoder = Member(Member(root, "decoder"), "type").GetString()!;
        if (decoder != "ByteLevel") throw Unknown($"the decoder '{decoder}'", "ByteLevel");
    }

    public Dictionary<string, int> Vocabulary { get; }

    /// <summary>Pairs to merge, «left right», the most urgent first.</summary>
    public IReadOnlyList<string> Merges { get; }

    public IReadOnlyList<AddedToken> AddedTokens { get; }

    /// <summary>The pre-tokenizer's patterns, in order.</summary>
    public List<Regex> Patterns { get; } = [];

    /// <exception cref="SinterException">The file is missing, is not JSON, or holds a part that is not supported.</exception>
    public static TokenizerFile Read(string path)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            return new TokenizerFile(path, document.RootElement);
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new SinterException($"{path} is missing: a checkpoint's tokenizer.json belongs beside its config.json.", missing);
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or FormatException or IOException
            or UnauthorizedAccessException)
        {
            throw new SinterException($"{path} cannot be read as a tokenizer: {FirstSentence(fault.Message)}.", fault);
        }
    }

    private static int ReadId(JsonElement number) =>
        number.GetInt32() is >= 0 and <= MostIds and int id ? id : throw new FormatException($"{number} is not a token number");

    private static string ReadMerge(JsonElement merge) => merge.ValueKind == JsonValueKind.Array
        ? $"{merge[0].GetString()} {merge[1].GetString()}"
        : merge.GetString() ?? throw new FormatException("a merge is null");

    private static AddedToken ReadAddedToken(JsonElement token) => new(
        ReadId(Member(token, "id")),
        Member(token, "content").GetString() ?? "",
        IsTrue(token, "single_word"),
        IsTrue(token, "lstrip"),
        IsTrue(token, "rstrip"),
        IsTrue(token, "special"));

    private void RequireNoNormalizer(JsonElement root)
    {
        if (!root.TryGetProperty("normalizer", out JsonElement normalizer) || normalizer.ValueKind == JsonValueKind.Null) return;
        string? type = Member(normalizer, "type").GetString();
        if (type == "Sequence" && Member(normalizer, "normalizers").GetArrayLength() == 0) return;
        throw Unknown($"the normalizer '{type}'", "none");
    }

    private void ReadPreTokenizer(JsonElement step)
    {
        string? type = Member(step, "type").GetString();
        switch (type)
        {
            case "Sequence":
                foreach (JsonElement part in Member(step, "pretokenizers").EnumerateArray()) ReadPreTokenizer(part);
                break;
            case "Split":
                string? behavior = Member(step, "behavior").GetString();
                if (behavior != "Isolated") throw Unknown($"the split behavior '{behavior}'", "Isolated");
                Patterns.Add(ReadPattern(Member(step, "pattern")));
                break;
            case "Digits":
                Patterns.Add(Compile(IsTrue(step, "individual_digits") ? @"\p{N}" : @"\p{N}+"));
                break;
            case "ByteLevel":
                if (IsTrue(step, "add_prefix_space")) throw Unknown("'add_prefix_space'", "text taken as it is");
                if (!step.TryGetProperty("use_regex", out JsonElement uses) || uses.GetBoolean()) Patterns.Add(Compile(ByteLevelPattern));
                break;
            default:
                throw Unknown($"the pre-tokenizer '{type}'", "Sequence, Split, Digits and ByteLevel");
        }
    }

    private Regex ReadPattern(JsonElement pattern)
    {
        if (pattern.TryGetProperty("String", out JsonElement text)) return Compile(Regex.Escape(text.GetString()!));
        string expression = Member(pattern, "Regex").GetString()!;

        // What Oniguruma, whose dialect the file is in, reads otherwise than .NET: set operations, POSIX classes, and
        // ranges beyond the basic plane (see PlaneFolding).
        foreach (string construct in (string[])["&&", "[:", "-["])
            if (expression.Contains(construct, StringComparison.Ordinal))
                throw Unknown($"'{construct}' in the pattern {expression}", "patterns that .NET reads alike");
        foreach (char unit in expression)
            if (char.IsSurrogate(unit)) throw Unknown($"a character beyond U+FFFF in the pattern {expression}", "the basic plane");
        return Compile(expression);
    }

    private Regex Compile(string expression)
    {
        try
        {
            // Interpreted: compiling costs more than a prompt takes, and needs a JIT.
            return new Regex(expression, RegexOptions.CultureInvariant);
        }
        catch (ArgumentException fault)
        {
            throw new SinterException($"{_path} has the pattern {expression}, which .NET cannot read: {FirstSentence(fault.Message)}.", fault);
        }
    }

    private static JsonElement Member(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out JsonElement value)
            ? value
            : throw new FormatException($"'{name}' is missing");

    private static bool IsTrue(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.True;

    private static string FirstSentence(string message) => message.Split(['\n', '\r'])[0].Split(". ")[0].TrimEnd('.');

    private SinterException Unknown(string what, string supported) =>
        new($"{_path} uses {what}, which is not supported; {supported} would be.");
}
