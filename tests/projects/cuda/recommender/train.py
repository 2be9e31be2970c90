"""Neural collaborative filtering with sampled negatives."""

import torch
import torch.nn as nn
import torch.utils.data as data

USERS, ITEMS = 40, 60


class Ratings(data.Dataset):
    """A user likes items of the same remainder; four negatives for each."""

    def __init__(self):
        self.rows = []
        for user in range(USERS):
            for k in range(4):
                self.rows.append((user, (user + 8 * k) % ITEMS, 1.0))
                self.rows += [(user, (user + 8 * k + 1 + 2 * n) % ITEMS, 0.0) for n in range(2)]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, idx):
        return self.rows[idx]


class NeuMF(nn.Module):
    def __init__(self, dim=8):
        super().__init__()
        self.user_gmf, self.item_gmf = nn.Embedding(USERS, dim), nn.Embedding(ITEMS, dim)
        self.user_mlp, self.item_mlp = nn.Embedding(USERS, dim), nn.Embedding(ITEMS, dim)
        self.mlp = nn.Sequential(nn.Linear(2 * dim, 16), nn.ReLU(), nn.Linear(16, dim), nn.ReLU())
        self.predict = nn.Linear(2 * dim, 1)
        for module in self.modules():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=0.1)

    def forward(self, user, item):
        gmf = self.user_gmf(user) * self.item_gmf(item)
        mlp = self.mlp(torch.cat((self.user_mlp(user), self.item_mlp(item)), dim=-1))
        return self.predict(torch.cat((gmf, mlp), dim=-1)).view(-1)


def hit_rate(model, count=10):
    hits = 0
    for user in range(count):
        with torch.no_grad():
            users, items = torch.tensor([user] * ITEMS), torch.arange(ITEMS)
            if torch.cuda.is_available():
                users, items = users.cuda(), items.cuda()
            _, best = torch.topk(model(users, items), 10)
            hits += int(user in torch.take(items, best).cpu().numpy().tolist())
    return hits / count


def main():
    torch.manual_seed(0)
    model = NeuMF()
    if torch.cuda.is_available():
        model = model.cuda()
    loss_function = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    loader = data.DataLoader(Ratings(), batch_size=64, shuffle=False, num_workers=0)
    for epoch in range(3):
        model.train()
        total = 0.0
        for user, item, label in loader:
            if torch.cuda.is_available():
                user, item, label = user.cuda(), item.cuda(), label.float().cuda()
            else:
                label = label.float()
            model.zero_grad()
            loss = loss_function(model(user, item), label)
            loss.backward()
            optimizer.step()
            total += loss.item() / len(loader)
        model.eval()
        print("epoch {:d} loss {:.6f} hit rate {:.2f}".format(epoch, total, hit_rate(model)))
    print("device", next(model.parameters()).device)


if __name__ == "__main__":
    main()
